package main

import (
	"context"
	"net"
	"time"

	"posthorn/internal/sandbox"
)

type sandboxCmd struct {
	SMTP  string `name:"smtp" env:"POSTHORN_SANDBOX_SMTP" default:"127.0.0.1:1025" placeholder:"HOST:PORT" help:"Where SMTP is served (default 127.0.0.1:1025)."`
	Inbox string `env:"POSTHORN_SANDBOX_INBOX" default:"127.0.0.1:8025" placeholder:"HOST:PORT" help:"Where the inbox page is served (default 127.0.0.1:8025)."`
	Keep  int    `default:"5000" placeholder:"N" help:"Mails kept in memory (default 5000)."`
}

// Run takes mails and shows them until ctx ends.
func (c *sandboxCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	log := cfg.logger(std)
	smtp, err := net.Listen("tcp", c.SMTP)
	if err != nil {
		return err
	}
	inbox, err := net.Listen("tcp", c.Inbox)
	if err != nil {
		return err
	}
	s := sandbox.New(sandbox.Options{Keep: c.Keep, Log: log})
	log.Info("mail sandbox is ready", "smtp", smtp.Addr().String(), "inbox", baseURLOf(inbox.Addr().String()))
	return together(ctx,
		func(ctx context.Context) error { return serveSandbox(ctx, s, smtp) },
		func(ctx context.Context) error { return serveHTTP(ctx, inbox, s.Handler(""), log) })
}

// sandboxDrain is how long mails under way may take to end.
const sandboxDrain = 3 * time.Second

// serveSandbox takes mails until ctx ends.
func serveSandbox(ctx context.Context, s *sandbox.Sandbox, l net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- s.ServeSMTP(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sandboxDrain)
	defer cancel()
	s.Close(ctx)
	return <-done
}
