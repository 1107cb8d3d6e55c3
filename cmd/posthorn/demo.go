package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"posthorn/internal/embedded"
	"posthorn/internal/sandbox"
	"posthorn/postgres"
	"posthorn/web/ui"
	"posthorn/webhooks"
)

type demoCmd struct {
	Once     bool   `help:"End after the campaign: with 0 if its states add up and the sandbox counted the same."`
	Dir      string `default:".posthorn" placeholder:"DIR" help:"Where the demo keeps its servers' data (default .posthorn)."`
	Contacts int    `default:"2000" placeholder:"N" help:"Contacts of the made-up shop (default 2000)."`
	Products int    `default:"200" placeholder:"N" help:"Its products (default 200)."`
	Orders   int    `default:"6000" placeholder:"N" help:"Its orders (default 6000)."`
	Seed     uint64 `default:"1" placeholder:"N" help:"Another number makes another shop."`
}

// demo is a running demo.
type demo struct {
	*demoCmd
	cfg     *Config
	std     streams
	began   time.Time
	dir     string // made absolute
	state   *demoState
	log     *slog.Logger
	svc     *services
	sandbox *sandbox.Sandbox
	smtp    net.Listener
	http    net.Listener
	died    context.CancelCauseFunc // ends the demo when a server of its own ends
}

// Run starts everything, sends a campaign and serves until ctx ends.
func (c *demoCmd) Run(ctx context.Context, cfg *Config, std streams) (err error) {
	if c.Contacts < 1 || c.Products < 12 || c.Orders < 0 || c.Contacts > 1_000_000 || c.Products > 100_000 || c.Orders > 5_000_000 {
		return errors.New("demo: a shop has 1 to 1,000,000 contacts, 12 to 100,000 products and up to 5,000,000 orders")
	}
	d := &demo{demoCmd: c, cfg: cfg, std: std, began: time.Now()}
	if d.dir, err = filepath.Abs(c.Dir); err != nil {
		return err
	}
	release, err := embedded.Lock(d.dir)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer release()
	if d.state, err = readState(d.dir); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	// The terminal is for what the demo has to say; the log is beside the data.
	logFile, err := os.OpenFile(filepath.Join(d.dir, "demo.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer logFile.Close()
	d.log = slog.New(slog.NewJSONHandler(logFile, nil))

	ctx, d.died = context.WithCancelCause(ctx)
	defer d.died(nil)
	err = d.run(ctx)
	// A server that died is the cause of whatever failed after it.
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

func (d *demo) run(ctx context.Context) error {
	fmt.Fprintf(d.std.out, "Posthorn demo %s\n", buildVersion())
	defer func() { fmt.Fprintln(d.std.out, "stopped; the demo's data stays in", d.shown(d.dir)) }()
	stopServers, err := d.startServers(ctx)
	defer stopServers()
	if err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	removeEnv, err := writeEnv(filepath.Join(d.dir, "demo.env"), d.cfg)
	defer removeEnv()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if d.svc, err = openServices(ctx, d.cfg, d.log, "demo", 8); err != nil {
		return err
	}
	defer d.svc.close()
	// Nobody waits for half a minute in a demo.
	d.svc.retry = []time.Duration{time.Second, 2 * time.Second}
	// A journey of the demo may call a server on this machine.
	d.svc.webhooks = webhooks.Options{Loopback: true, Retry: []time.Duration{time.Second, 5 * time.Second}}
	d.svc.sweepEvery = 300 * time.Millisecond
	if err := d.prepare(ctx); err != nil {
		return err
	}

	// The parts run until the demo is over, whatever ends it.
	partsCtx, stop := context.WithCancel(ctx)
	parts := make(chan error, 1)
	go func() {
		err := together(partsCtx,
			func(ctx context.Context) error { return serveSandbox(ctx, d.sandbox, d.smtp) },
			func(ctx context.Context) error { return serveHTTP(ctx, d.http, d.handler(ctx), d.log) },
			d.svc.runScheduler, d.svc.runWorker)
		if err != nil {
			d.died(err)
		}
		parts <- err
	}()
	err = d.show(ctx)
	stop()
	if e := <-parts; err == nil {
		err = e
	}
	return err
}

// prepare brings the database to where a campaign can be sent from.
func (d *demo) prepare(ctx context.Context) error {
	step := d.step("schema")
	from, to, err := postgres.Migrate(ctx, d.svc.pool)
	if err != nil {
		return err
	}
	if from == to {
		step("up to date (version %d)", to)
	} else {
		step("version %d", to)
	}
	if err := d.ensurePeople(ctx); err != nil {
		return err
	}
	if err := d.ensureShop(ctx); err != nil {
		return err
	}
	if err := d.ensureRelay(ctx); err != nil {
		return err
	}
	return d.ensureJourneys(ctx)
}

// show is what there is to see: the addresses, a campaign, and then whatever the
// visitor does until ctx ends.
func (d *demo) show(ctx context.Context) error {
	key, err := d.ensureKey(ctx)
	if err != nil {
		return err
	}
	base := baseURLOf(d.http.Addr().String())
	fmt.Fprintf(d.std.out, "\n  Sign in    %s%s\n", base, ui.Prefix)
	for _, p := range demoPeople {
		fmt.Fprintf(d.std.out, "             %-9s %-22s  %s\n", p.Role, p.Email, d.state.Password)
	}
	fmt.Fprintf(d.std.out, "  Inbox      %s/inbox/\n  API docs   %s/api/docs\n  API key    %s\n\n", base, base, key)
	before := d.sandbox.Stats().Accepted
	if err := d.campaign(ctx); err != nil {
		return err
	}
	if d.sandbox.Stats().Accepted > before { // a later start sends nothing by itself
		if err := d.order(ctx, key); err != nil {
			return err
		}
	}
	if d.Once {
		return nil
	}
	if d.sandbox.Stats().Accepted == 0 {
		fmt.Fprintf(d.std.out, `
The inbox is empty: it keeps mails in memory, and this start has sent none. A test
of the campaign puts one there:
  curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
    -d '{"addresses": ["you@shop.example"]}' %s/api/v1/campaigns/%d/test
`, key, base, d.state.CampaignID)
	}
	fmt.Fprintf(d.std.out, `
Try the API:
  curl -s -H 'Authorization: Bearer %s' %s/api/v1/campaigns

Look at the mails: %s/inbox/   Ctrl-C ends the demo; its log is %s.
`, key, base, base, d.shown(filepath.Join(d.dir, "demo.log")))
	<-ctx.Done()
	fmt.Fprintln(d.std.out, "\nstopping…")
	return nil
}

// handler serves Posthorn and, beside it, the inbox and the shop's pages.
func (d *demo) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", d.svc.handler(ctx))
	mux.Handle("/inbox/", d.sandbox.Handler("/inbox"))
	mux.Handle("GET /{$}", http.RedirectHandler(ui.Prefix, http.StatusFound))
	mountShop(mux, d.svc.pool)
	return mux
}

// listen takes the addresses: the configured one where it is free, else any.
func (d *demo) listen() error {
	l, err := net.Listen("tcp", d.cfg.Listen)
	if err != nil {
		host, _, splitErr := net.SplitHostPort(d.cfg.Listen)
		if splitErr != nil {
			return fmt.Errorf("cannot listen on %s (POSTHORN_LISTEN): %w", d.cfg.Listen, err)
		}
		if l, err = listen(net.JoinHostPort(host, "0")); err != nil {
			return err
		}
		d.note("%s is taken: using %s", d.cfg.Listen, l.Addr())
	}
	d.http = l
	if err := d.cfg.checkBaseURL(); err != nil {
		return err
	}
	if d.cfg.BaseURL == "" {
		d.cfg.BaseURL = baseURLOf(l.Addr().String())
	}
	if d.cfg.Secret == "" {
		d.cfg.Secret = d.state.Secret
	}
	// On the loopback interface only: it takes mail from anybody.
	if d.smtp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	d.sandbox = sandbox.New(sandbox.Options{Log: d.log})
	step := d.step("mail sandbox")
	step("smtp://%s, delivers nothing", d.smtp.Addr())
	return nil
}

// step begins a line of the report; what it returns ends it.
func (d *demo) step(name string) func(format string, args ...any) {
	began := time.Now()
	return func(format string, args ...any) {
		fmt.Fprintf(d.std.out, "  %-14s %-72s %8s\n", name, fmt.Sprintf(format, args...), seconds(time.Since(began)))
	}
}

// note is a line that the visitor should read.
func (d *demo) note(format string, args ...any) {
	fmt.Fprintf(d.std.out, "  note: "+format+"\n", args...)
}

// shown is a path as the visitor would write it.
func (d *demo) shown(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// isMissing reports whether a file is not there.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
