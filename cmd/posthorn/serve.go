package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"posthorn/postgres"
)

// workerFlags is the worker's part of the command line.
type workerFlags struct {
	Concurrency int             `env:"POSTHORN_CONCURRENCY" default:"16" placeholder:"N" help:"Chunks of mails that this process sends at once (default 16). A relay's own limit holds besides."`
	Retry       []time.Duration `env:"POSTHORN_RETRY" sep:"," placeholder:"WAIT" help:"How long after each temporary refusal a mail is tried again; after the last it is given up (default 30s,2m,10m,30m,1h,3h,6h,10h)."`
	HeloName    string          `env:"POSTHORN_HELO_NAME" placeholder:"NAME" help:"How the relays are greeted (EHLO): a name of this machine that DNS knows (default: the host name)."`
}

var helo = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]{0,255}$`)

// AfterApply refuses waits that would make a retry loop, and a greeting that is no
// name (RFC 5321 4.1.2).
func (f *workerFlags) AfterApply() error {
	for _, wait := range f.Retry {
		if wait < time.Second {
			return fmt.Errorf("--retry (POSTHORN_RETRY): %s is too short; the shortest wait is 1s", wait)
		}
	}
	if !helo.MatchString(f.HeloName) {
		return errors.New("--helo-name (POSTHORN_HELO_NAME): not a host name such as mail.shop.example")
	}
	return nil
}

type serveCmd struct{ workerFlags }

// Run runs web, scheduler and worker in this process.
func (c *serveCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	log := cfg.logger(std)
	if err := cfg.needSecret(log); err != nil {
		return err
	}
	s, err := openServices(ctx, cfg, log, "serve", max(c.Concurrency, 1))
	if err != nil {
		return err
	}
	defer s.close()
	s.retry, s.helo = c.Retry, c.HeloName
	from, to, err := postgres.Migrate(ctx, s.pool)
	if err != nil {
		return err
	}
	if from != to {
		log.Info("schema brought up to date", "from", from, "to", to)
	}
	l, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	s.greet(ctx)
	log.Info("posthorn serves", "version", buildVersion(), "listen", l.Addr().String(), "docs", baseURLOf(l.Addr().String())+"/api/docs")
	defer log.Info("posthorn has ended")
	return s.run(ctx, s.web(l), s.runScheduler, s.runWorker)
}

// web is the part that answers requests on l.
func (s *services) web(l net.Listener) func(context.Context) error {
	return func(ctx context.Context) error { return serveHTTP(ctx, l, s.handler(ctx), s.log) }
}
