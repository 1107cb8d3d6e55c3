package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/internal/embedded"
	"posthorn/postgres"
)

// event is something that happens to the round.
type event struct {
	name string        // "": it is counted elsewhere
	at   time.Duration // after the start
	do   func(context.Context) error
}

// storm makes events happen and notes when they did, since what may be in doubt
// afterwards depends on what came together.
type storm struct {
	began    time.Time
	crew     *crew
	relay    *relay
	pg       *embedded.Postgres
	pgLog    string
	pgLives  int   // of those before
	disk     *disk // that PostgreSQL's data is on; nil: it has none of its own
	redis    *embedded.Redis
	pool     *pgxpool.Pool
	client   *redis.Client
	shop     *shop // that delivers the orders; nil: there are none
	campaign int64 // the big one
	journey  int64 // that follows orders up, see buyers.go
	ticks    int64 // the one that runs every minute, see ticks.go

	firstTick campaigns.Tick // that was due when it started
	lastTick  time.Time      // none that came later was waited for

	atPostgres, atRedis, atCampaign, atRelay sync.Mutex // one thing at a time happens to each

	mu       sync.Mutex
	done     map[string]int
	kills    []time.Time // of workers
	terms    []span      // of workers, from the signal to the end
	losses   []time.Time // of what Redis held
	outages  []span      // of PostgreSQL, which was away or could not write
	problems []string
}

type span struct{ from, to time.Time }

func (s span) meets(other span) bool { return s.from.Before(other.to) && other.from.Before(s.to) }

// schedule spreads the events over the time, in an order that the seed chooses.
func (s *storm) schedule(o options) []event {
	random := rand.New(rand.NewPCG(o.seed, 1))
	var all []event
	add := func(n int, name string, do func(context.Context) error) {
		for range n {
			all = append(all, event{name: name, do: do})
		}
	}
	var dice sync.Mutex // events run beside each other
	pick := func(n int) int {
		dice.Lock()
		defer dice.Unlock()
		return random.IntN(n)
	}
	some := func(least, most time.Duration) time.Duration {
		return least + time.Duration(pick(int((most-least)/time.Millisecond)+1))*time.Millisecond
	}

	add(o.kills, "worker killed", func(context.Context) error { return s.kill(pick) })
	add(o.terms, "worker ended", func(context.Context) error {
		t := span{from: time.Now()}
		if !s.crew.end("worker", syscall.SIGTERM, pick) {
			return errNobody
		}
		t.to = time.Now()
		s.note(func() { s.terms = append(s.terms, t) })
		return nil
	})
	add(o.schedulerKills, "scheduler killed", func(context.Context) error {
		if !s.crew.end("scheduler", syscall.SIGKILL, pick) {
			return errNobody
		}
		return nil
	})
	if o.orders > 0 { // else there is none
		add(o.webKills, "web killed", func(context.Context) error {
			if !s.crew.end("web", syscall.SIGKILL, pick) {
				return errNobody
			}
			return nil
		})
	}
	add(o.flushes, "redis flushed", func(ctx context.Context) error {
		s.atRedis.Lock()
		defer s.atRedis.Unlock()
		s.note(func() { s.losses = append(s.losses, time.Now()) })
		return s.client.FlushAll(ctx).Err()
	})
	add(o.redisRestarts, "redis restarted", func(ctx context.Context) error { return s.loseRedis(ctx, some(0, o.redisAway)) })
	add(o.absences, "redis away for "+o.absent.String(), func(ctx context.Context) error { return s.loseRedis(ctx, o.absent) })
	add(o.postgresRestarts, "postgres restarted", func(ctx context.Context) error { return s.crashPostgres(ctx, some(0, o.postgresAway)) })
	add(o.crowds, "postgres out of connections", func(ctx context.Context) error {
		return s.crowd(ctx, some(2*time.Second, 4*time.Second), pick)
	})
	if s.disk != nil {
		add(o.fullDisks, "postgres on a full disk", func(ctx context.Context) error { return s.fillDisk(ctx, some(2*time.Second, 4*time.Second)) })
	}
	add(o.pauses, "campaign paused", func(ctx context.Context) error {
		s.atCampaign.Lock()
		defer s.atCampaign.Unlock()
		if err := s.order(ctx, campaigns.Pause, campaigns.Paused); err != nil {
			return err
		}
		rest(ctx, some(0, 3*time.Second))
		return s.order(ctx, campaigns.Resume, campaigns.Running)
	})
	for _, m := range []mood{refuses, busy, slow} {
		add(o.moods, "relay: "+string(m), func(ctx context.Context) error {
			s.atRelay.Lock()
			defer s.atRelay.Unlock()
			if err := s.relay.feel(m); err != nil {
				return err
			}
			rest(ctx, some(time.Second, 4*time.Second))
			return s.relay.feel(well)
		})
	}
	for _, f := range []mailFault{cutInData, cutAccepted, cutRefused, hangs, slowDot} {
		add(o.mailFaults, "", func(context.Context) error { s.relay.plan(f); return nil })
	}

	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range all {
		// Each in a part of its own, from 5 % of the time on: neighbours may meet, but not all at once.
		part := float64(o.spread) * 0.9 / float64(len(all))
		all[i].at = time.Duration(float64(o.spread)*0.05 + part*(float64(i)+random.Float64()))
	}
	return all
}

// kill kills a worker.
func (s *storm) kill(pick func(n int) int) error {
	began := time.Now()
	if !s.crew.end("worker", syscall.SIGKILL, pick) {
		return errNobody
	}
	s.note(func() { s.kills = append(s.kills, began) })
	return nil
}

// loseRedis kills Redis, which forgets what it held, and starts it again after
// the given time.
func (s *storm) loseRedis(ctx context.Context, away time.Duration) error {
	s.atRedis.Lock()
	defer s.atRedis.Unlock()
	s.note(func() { s.losses = append(s.losses, time.Now()) })
	s.redis.Crash()
	rest(ctx, away)
	err := within(10*time.Second, func() error { return s.redis.Restart(ctx) })
	s.note(func() { s.losses = append(s.losses, time.Now()) })
	return err
}

// errNobody says that there was no process for it to happen to.
var errNobody = errors.New("none was running")

// order makes a transition of the campaign. PostgreSQL may be away: as over the
// API, one asks again, and a refusal is no error where the answer of the time
// before was lost, or the campaign has ended meanwhile.
func (s *storm) order(ctx context.Context, change func(context.Context, postgres.DB, time.Time, int64) (campaigns.Campaign, error), want campaigns.Status) error {
	return within(time.Minute, func() error {
		_, err := change(ctx, s.pool, clock.System(), s.campaign)
		if err == nil {
			return nil
		}
		if c, e := campaigns.Get(ctx, s.pool, s.campaign); e == nil && (c.Status == want || c.Status == campaigns.Finished) {
			return nil
		}
		return err
	})
}

// rage makes the events happen and returns when all are over.
func (s *storm) rage(ctx context.Context, events []event) {
	var all sync.WaitGroup
	for _, e := range events {
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(s.began.Add(e.at))):
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			err := e.do(ctx)
			s.note(func() {
				switch {
				case errors.Is(err, errNobody):
				case err != nil:
					s.problems = append(s.problems, e.name+": "+err.Error())
				case e.name != "":
					s.done[e.name]++
				}
			})
		})
	}
	all.Wait()
}

// rest is a sleep that ends with ctx.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (s *storm) note(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
}
