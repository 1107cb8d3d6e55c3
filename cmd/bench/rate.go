package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// runRate measures how closely several worker processes keep together to a relay's
// rate_per_second: Posthorn's own program, as many workers of it as asked for and a
// scheduler, send one campaign that is larger than the time allows.
func runRate(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench rate", flag.ExitOnError)
	rate := flags.Int("rate", 500, "the relay's rate_per_second")
	processes := flags.Int("processes", 3, "worker processes")
	seconds := flags.Int("seconds", 60, "how long to measure, after the start")
	connections := flags.Int("connections", 8, "SMTP connections of a worker")
	_ = flags.Parse(args)

	b, err := open(ctx, *connections, "own") // which counts by client
	if err != nil {
		return err
	}
	defer b.close()
	const warmUp = 5 // seconds
	if err := b.seed(ctx, *rate*(*seconds+warmUp+5), relaySettings{*connections, *rate}); err != nil {
		return err
	}
	binary := filepath.Join(b.dir, "posthorn")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "posthorn/cmd/posthorn").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	var ended sync.WaitGroup
	defer ended.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	launch := func(kind, helo string) error {
		cmd := exec.CommandContext(ctx, binary, kind)
		cmd.Env = append(os.Environ(), "POSTHORN_DATABASE_URL="+b.pg.URL, "POSTHORN_REDIS_URL="+b.redis.URL, "POSTHORN_SECRET="+benchSecret,
			"POSTHORN_BASE_URL=https://mail.shop.example", "POSTHORN_LOG_LEVEL=warn", "POSTHORN_HELO_NAME="+helo, fmt.Sprintf("POSTHORN_CONCURRENCY=%d", *connections))
		cmd.Stderr = os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		if err := cmd.Start(); err != nil {
			return err
		}
		ended.Go(func() { _ = cmd.Wait() })
		return nil
	}
	for i := range *processes {
		if err := launch("worker", fmt.Sprintf("worker-%d.shop.example", i+1)); err != nil {
			return err
		}
	}
	if err := launch("scheduler", ""); err != nil {
		return err
	}
	if _, err := b.start(ctx); err != nil {
		return err
	}
	own := b.sink.(*ownSink)
	for own.count() == 0 && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(warmUp * time.Second)

	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	first, began := own.byClient(), time.Now()
	var perSecond []int64
	for last := own.count(); len(perSecond) < *seconds; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		n := own.count()
		perSecond, last = append(perSecond, n-last), n
	}
	took, after := time.Since(began).Seconds(), own.byClient()
	var sum int64
	for name, n := range after {
		sum += n - first[name]
	}
	slices.Sort(perSecond)
	fmt.Printf("%d processes, %d connections each, rate_per_second %d, %.1f s: %.1f mails/s (%+.1f %%); in single seconds %d to %d\n",
		*processes, *connections, *rate, took, float64(sum)/took, 100*(float64(sum)/took/float64(*rate)-1), perSecond[0], perSecond[len(perSecond)-1])
	for name, n := range after {
		fmt.Printf("  %s: %.1f %%\n", name, 100*float64(n-first[name])/float64(sum))
	}
	return nil
}
