package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"golang.org/x/sync/errgroup"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/postgres"
	"posthorn/tasks"
	"posthorn/worker"
)

const tortureSecret = "torture-secret-0123456789"

// stall is how long nothing may happen to a campaign after the faults ended: the
// lease of a dead worker, a sweep, and a wait for the relay, with room to spare.
// It is shorter than what asynq takes to hand out a dead worker's task again,
// because Posthorn must not depend on that.
const stall = 50 * time.Second

// torture runs a round of the given posthorn program. Its error says that the round could not be run; what
// came out of one that was is in the verdict.
func torture(ctx context.Context, binary string, o options) (v *verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.limit())
	defer cancel()
	dir, err := os.MkdirTemp("", "posthorn-torture-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil && v.good() && !o.keep {
			err = os.RemoveAll(dir)
			return
		}
		// Only the logs are of use to somebody.
		_ = os.RemoveAll(filepath.Join(dir, "postgres"))
		fmt.Fprintln(os.Stderr, "torture: the logs are in", dir)
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // another user runs the servers
		return nil, err
	}
	s := &storm{done: map[string]int{}}
	v = &verdict{options: o, storm: s}
	data := filepath.Join(dir, "postgres")
	if o.fullDisks > 0 {
		if s.disk, err = newDisk(filepath.Join(dir, "disk"), diskSize(o)); err == nil {
			defer func() { err = errors.Join(err, s.disk.close()) }()
			data = filepath.Join(s.disk.dir, "postgres")
		} else {
			v.skipped = append(v.skipped, "postgres on a full disk: "+err.Error())
		}
	}
	s.pgLog = filepath.Join(dir, "postgres.log")
	if s.pg, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: data, Durable: true, Log: s.pgLog}); err != nil {
		return nil, err
	}
	defer func() { s.pg.Stop() }()
	if s.redis, err = embedded.StartRedis(ctx, filepath.Join(dir, "redis")); err != nil {
		return nil, err
	}
	defer func() { s.redis.Stop() }()
	if s.relay, err = startRelay(o.seed); err != nil {
		return nil, err
	}
	defer s.relay.stop()
	if s.pool, err = postgres.Open(ctx, s.pg.URL, 10); err != nil {
		return nil, err
	}
	defer s.pool.Close()
	if s.client, err = tasks.Open(ctx, s.redis.URL); err != nil {
		return nil, err
	}
	defer s.client.Close()
	if s.disk != nil {
		if err := s.spareDisk(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(ctx, o); err != nil {
		return nil, err
	}

	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.crew = newCrew(binary, dir, s.pg.URL, s.redis.URL, listen, o.connections)
	defer s.crew.dismiss()
	s.crew.hire("worker", o.workers)
	s.crew.hire("scheduler", o.schedulers)
	if o.orders > 0 {
		if s.shop, err = openShop(ctx, s.pool, listen); err != nil {
			return nil, err
		}
		s.crew.hire("web", 1)
	}
	// So slow that neither the campaign nor the follow-ups are over before the faults
	// are. Follow-ups have connections of their own, and so a pace.
	s.relay.setPace(paceOf(o.spread, o.workers*o.connections, o.recipients), paceOf(o.spread, o.workers*worker.RealtimeConcurrency, 2*o.orders))
	if _, err := campaigns.Start(ctx, s.pool, clock.System(), s.campaign); err != nil {
		return nil, err
	}

	if err := s.startTicks(ctx); err != nil {
		return nil, err
	}

	s.began = time.Now()
	sums, recoveries := s.watchSums(ctx), s.watchLeases(ctx)
	if err := s.leave(ctx); err != nil {
		return nil, err
	}
	var buyers errgroup.Group
	if o.orders > 0 {
		buyers.Go(func() error { return s.buy(ctx, o) })
	}
	s.rage(ctx, s.schedule(o))
	if err := buyers.Wait(); err != nil {
		return nil, err
	}
	if o.cancel {
		if err := s.order(ctx, campaigns.Cancel, campaigns.Cancelled); err != nil {
			return nil, err
		}
	}
	if err := s.relay.calm(); err != nil {
		return nil, err
	}
	calm := time.Now()
	v.stuck = s.await(ctx, s.campaign, ended)
	v.took, v.calm = time.Since(s.began), time.Since(calm)
	if v.stuck == "" {
		v.stuck = s.endTicks(ctx)
	}
	if v.stuck == "" && o.orders > 0 {
		v.stuck = s.awaitBuyers(ctx, o)
		v.followed = time.Since(calm)
	}
	if v.stuck != "" {
		s.describe(ctx, filepath.Join(dir, "stuck.txt"))
	} else {
		s.crew.watchIdle()
	}
	s.crew.dismiss()
	s.relay.stop()
	v.recoveries = recoveries()
	v.wrong = append(v.wrong, sums()...)
	v.wrong = append(v.wrong, s.crew.wrong...)
	if v.heard, err = hear(dir); err != nil {
		return nil, err
	}
	v.wrong = append(v.wrong, v.heard.wrong...)
	return v, v.compare(ctx)
}

// paceOf is how long each of so many mails takes where they go over so many
// connections and take about that long together.
func paceOf(spread time.Duration, connections, mails int) time.Duration {
	if mails == 0 {
		return 0
	}
	return spread * time.Duration(connections) / time.Duration(mails)
}

// await waits until a campaign is where it has to come by itself. It returns what
// is wrong where it does not.
func (s *storm) await(ctx context.Context, id int64, over func(campaigns.Campaign) bool) string {
	last, since := "", time.Now()
	for {
		var state string
		c, err := campaigns.Get(ctx, s.pool, id)
		switch {
		case ctx.Err() != nil:
			return "interrupted, or not over in time"
		case err != nil:
			state = err.Error()
		case over(c):
			return ""
		default:
			state = fmt.Sprintf("%s %q, %d accepted", c.Status, c.StatusReason, s.relay.count())
			if c.Run != nil {
				state += fmt.Sprintf(" %+v", *c.Run)
			}
		}
		if state != last {
			last, since = state, time.Now()
		}
		if time.Since(since) > stall {
			return fmt.Sprintf("nothing has happened for %s: %s", stall, last)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// ended says that a campaign is over, with all that its run had begun.
func ended(c campaigns.Campaign) bool {
	return c.Run.FinishedAt != nil && c.Status != campaigns.Running
}

// watchSums compares, while everything happens, the kept counts with the counted
// rows in one look. The function it returns ends that and says what was wrong.
func (s *storm) watchSums(ctx context.Context) func() []string {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []string)
	go func() {
		var wrong []string
		for ctx.Err() == nil {
			if err := sumsAgree(ctx, s.pool); errors.Is(err, errSums) && len(wrong) < 3 {
				wrong = append(wrong, err.Error())
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		done <- wrong
	}()
	return func() []string { cancel(); return <-done }
}

var errSums = errors.New("the kept counts are not the rows'")

func sumsAgree(ctx context.Context, pool *pgxpool.Pool) error {
	var differing string
	err := pool.QueryRow(ctx, `
		SELECT coalesce(string_agg(concat_ws(' ', state, reason, 'kept', k.n, 'counted', c.n), '; '), '')
		FROM (SELECT state, reason, sum(n)::bigint AS n FROM message_counts GROUP BY state, reason HAVING sum(n) <> 0) k
		FULL JOIN (SELECT state, reason, count(*) AS n FROM messages GROUP BY state, reason) c USING (state, reason)
		WHERE k.n IS DISTINCT FROM c.n`).Scan(&differing)
	if err == nil && differing != "" {
		return fmt.Errorf("%w: %s", errSums, differing)
	}
	return err
}
