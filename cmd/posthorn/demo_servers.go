package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"posthorn/internal/embedded"
)

// startServers starts the servers that are not given by configuration. The
// function it returns ends them and is never nil.
func (d *demo) startServers(ctx context.Context) (stop func(), err error) {
	var ends []func()
	stop = func() {
		for i := len(ends) - 1; i >= 0; i-- {
			ends[i]()
		}
	}
	if d.cfg.DatabaseURL == "" {
		end, err := d.startPostgres(ctx)
		if err != nil {
			return stop, err
		}
		ends = append(ends, end)
	} else {
		d.step("PostgreSQL")("the given one")
	}
	if d.cfg.RedisURL == "" {
		end, err := d.startRedis(ctx)
		if err != nil {
			return stop, err
		}
		ends = append(ends, end)
	} else {
		d.step("Redis")("the given one")
	}
	return stop, nil
}

func (d *demo) startPostgres(ctx context.Context) (stop func(), err error) {
	wanted := filepath.Join(d.dir, "postgres")
	dir, moved, err := embedded.Reachable(wanted)
	if err != nil {
		return nil, err
	}
	if moved {
		d.note("PostgreSQL does not run as root, and the user it runs as cannot enter %s: its data is in %s", d.shown(wanted), dir)
	}
	step := d.step("PostgreSQL")
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{
		Dir: dir, Durable: true, Private: true,
		Note: func(line string) { d.note("%s", line) },
	})
	if errors.Is(err, embedded.ErrNoBinary) {
		return nil, fmt.Errorf("%w: make setup installs it, or set POSTHORN_DATABASE_URL to one of yours", err)
	}
	if err != nil {
		return nil, err
	}
	d.cfg.DatabaseURL = pg.URL
	step("%s, data in %s", pg.Version, d.shown(pg.Dir))
	return d.watch(pg.Ended(), pg.Stop, func() error {
		return fmt.Errorf("the demo's PostgreSQL has ended by itself; it said: %s", pg.LastWords())
	}), nil
}

func (d *demo) startRedis(ctx context.Context) (stop func(), err error) {
	step := d.step("Redis")
	r, err := embedded.StartPrivateRedis(ctx, filepath.Join(d.dir, "redis"))
	if errors.Is(err, embedded.ErrNoBinary) {
		if r, err = embedded.StartMiniRedis(); err == nil {
			step("no redis-server here: a stand-in within this process")
			d.note("the queue is in memory and is rebuilt from PostgreSQL; this is for a demo, not for production")
		}
	} else if err == nil {
		step("%s, nothing kept: the queue is rebuilt from PostgreSQL", r.Version)
	}
	if err != nil {
		return nil, err
	}
	d.cfg.RedisURL = r.URL
	return d.watch(r.Ended(), r.Stop, func() error { return errors.New("the demo's redis-server has ended by itself") }), nil
}

// watch ends the demo when a server ends that was not asked to. The function it
// returns asks.
func (d *demo) watch(ended <-chan struct{}, stop func(), why func() error) func() {
	asked := make(chan struct{})
	go func() {
		select {
		case <-asked:
		case <-ended:
			select {
			case <-asked:
			default:
				d.died(why())
			}
		}
	}()
	return func() {
		close(asked)
		stop()
	}
}
