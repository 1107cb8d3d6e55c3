// Command torture proves that nothing is lost and nothing is sent twice. It runs
// Posthorn's own program, several workers and schedulers of it, on servers of its
// own, and does to all of them what happens in a bad year:
//
//		go run ./cmd/torture --recipients 20000 --seed 7
//
//	 1. A round begins with a fresh PostgreSQL (with fsync, or on a small disk of its
//	    own where that is to fill up), a fresh redis-server and an SMTP server that
//	    remembers every mail it accepted (relay.go).
//	 2. A campaign starts. The relay is slowed down so that it takes long enough for
//	    everything to happen to it. A second one, to few people, runs every minute
//	    (ticks.go). A shop delivers orders over the API, in batches, again wherever it
//	    got no answer, and a journey follows each up with two mails (buyers.go, shop.go).
//	 3. Workers and web are killed, Redis is flushed or stays away, PostgreSQL crashes or has
//	    no connection or no room left, the relay misbehaves (faults.go), at moments
//	    that the seed chooses.
//	 4. The faults end. The campaigns have to end by themselves.
//	 5. The two witnesses are compared, mail by mail (verify.go): the ledger in
//	    PostgreSQL, and what the relay accepted.
//
// A mail is lost when the ledger says sent and the relay never had it, or when the
// ledger has no settled state for it; doubled when the relay accepted it, or its
// recipient, twice; wrong when the ledger tells anything else that is not so. Of
// these there must be none. Mails in doubt (unknown) are bounded by what was done
// to the round, and the bound is printed with its parts.
//
// It exits with 1 where that does not hold, and keeps the logs. With the same seed
// the same faults come in the same order; what they meet depends on the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the size of a round and how much happens in it.
type options struct {
	recipients  int
	seed        uint64
	spread      time.Duration // over which the faults are spread
	workers     int
	schedulers  int
	connections int // per worker, and chunks it sends at once

	kills            int // kill -9 of a worker
	terms            int // SIGTERM of a worker under load
	schedulerKills   int
	webKills         int
	flushes          int
	redisRestarts    int
	absences         int // of Redis, each as long as absent
	postgresRestarts int
	orders           int // that the shop delivers over the API meanwhile, each with two follow-ups
	crowds           int // all of PostgreSQL's connections are taken
	fullDisks        int // its disk has no room left
	pauses           int
	moods            int // of the relay, of each kind
	mailFaults       int // of each kind

	cancel bool // end with a cancel instead of by itself
	keep   bool // the logs of good rounds, too

	redisAway, postgresAway time.Duration // at most, when they restart
	absent                  time.Duration
}

// mails is how many a round has to send, ticks aside.
func (o options) mails() int { return o.recipients + 2*o.orders }

// limit ends a round that never ends: what the faults may cost, and a pace that the
// slowest machine keeps.
func (o options) limit() time.Duration {
	return o.spread + 15*time.Minute + time.Duration(o.mails())*10*time.Millisecond
}

func main() {
	o := options{}
	rounds := flag.Int("rounds", 1, "rounds, one after the other; each adds 1 to the seed")
	flag.IntVar(&o.recipients, "recipients", 20_000, "contacts in the campaign's audience")
	flag.Uint64Var(&o.seed, "seed", 1, "chooses the faults and their moments")
	flag.DurationVar(&o.spread, "spread", 90*time.Second, "how long the faults last")
	flag.IntVar(&o.workers, "workers", 3, "worker processes")
	flag.IntVar(&o.schedulers, "schedulers", 2, "scheduler processes")
	flag.IntVar(&o.connections, "connections", 8, "SMTP connections of a worker")
	flag.IntVar(&o.kills, "kills", 5, "kill -9 of a worker")
	flag.IntVar(&o.terms, "terms", 2, "SIGTERM of a worker under load")
	flag.IntVar(&o.schedulerKills, "scheduler-kills", 2, "kill -9 of a scheduler")
	flag.IntVar(&o.webKills, "web-kills", 2, "kill -9 of the process that takes the orders")
	flag.IntVar(&o.flushes, "flushes", 1, "FLUSHALL")
	flag.IntVar(&o.redisRestarts, "redis-restarts", 1, "kill -9 and restart of Redis")
	flag.IntVar(&o.absences, "absences", 0, "kill -9 of Redis, which stays away for as long as --absent says")
	flag.IntVar(&o.crowds, "crowds", 1, "times that PostgreSQL has no connection left")
	flag.IntVar(&o.fullDisks, "full-disks", 1, "times that PostgreSQL's disk is full (as root on Linux only)")
	flag.IntVar(&o.orders, "orders", 4000, "orders that a shop delivers over the API meanwhile, each followed up by two mails")
	flag.IntVar(&o.postgresRestarts, "postgres-restarts", 1, "immediate stop and restart of PostgreSQL")
	flag.IntVar(&o.pauses, "pauses", 3, "pause and resume of the campaign")
	flag.IntVar(&o.moods, "moods", 1, "times that the relay refuses connections, is busy, is slow: of each")
	flag.IntVar(&o.mailFaults, "mail-faults", 4, "mails cut, hung or slowed by the relay: of each kind")
	flag.BoolVar(&o.cancel, "cancel", false, "cancel the campaign when the faults end")
	flag.BoolVar(&o.keep, "keep", false, "keep the logs of good rounds, too")
	flag.DurationVar(&o.redisAway, "redis-away", 3*time.Second, "how long Redis is away at most when it restarts")
	flag.DurationVar(&o.absent, "absent", time.Minute, "how long Redis is away in an absence")
	flag.DurationVar(&o.postgresAway, "postgres-away", 3*time.Second, "the same of PostgreSQL")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	good, err := run(ctx, o, *rounds)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
	}
	if !good {
		os.Exit(1)
	}
}

// run builds the program and runs the rounds.
func run(ctx context.Context, o options, rounds int) (good bool, err error) {
	dir, err := os.MkdirTemp("", "posthorn-torture-build-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	binary, err := build(ctx, dir)
	if err != nil {
		return false, err
	}
	good = true
	for range rounds {
		v, err := torture(ctx, binary, o)
		if err != nil {
			return false, err
		}
		fmt.Println(v)
		good = good && v.good()
		o.seed++
	}
	return good, nil
}

// build makes the program in dir and returns its path.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "posthorn")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "posthorn/cmd/posthorn").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}
