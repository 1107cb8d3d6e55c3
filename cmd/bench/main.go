// Command bench measures what Posthorn sends, on servers of its own: PostgreSQL
// (with fsync), redis-server, and an SMTP sink in a process of its own, so that its
// CPU is not counted as Posthorn's. The sink is Postfix's smtp-sink where that is
// installed, else a small one of this program's (sink.go).
//
//	go run ./cmd/bench --contacts 100000 --connections 16 --rounds 3
//
// Each round measures two things, one after the other: the ceiling (ceiling.go: a
// bare loop that renders and sends with go-mail) and the campaign (campaign.go). It
// prints a line for each, and at the end the medians and their ratio. It fails where
// the sink's count differs from the ledger's.
//
//	go run ./cmd/bench rate --rate 500 --processes 3 --seconds 60
//
// measures how several worker processes share a relay's rate (rate.go).
//
//	go run ./cmd/bench followups | triggers | waiting | replay --data DIR
//
// measure follow-ups: from an order to its mail while a campaign drains, orders per
// second, what those that wait cost, and the simulator against the live engine.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"posthorn/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args := os.Args[1:]
	var err error
	switch {
	case len(args) > 0 && args[0] == "sink":
		runSink()
	case len(args) > 0 && args[0] == "rate":
		err = runRate(ctx, args[1:])
	case len(args) > 0 && args[0] == "followups":
		err = runFollowUps(ctx, args[1:])
	case len(args) > 0 && args[0] == "triggers":
		err = runTriggers(ctx, args[1:])
	case len(args) > 0 && args[0] == "waiting":
		err = runWaiting(ctx, args[1:])
	case len(args) > 0 && args[0] == "replay":
		err = runReplay(ctx, args[1:])
	default:
		err = runRounds(ctx, args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// options are those of the rounds.
type options struct {
	contacts, connections, rounds int
	ceiling                       bool
	sink                          string
	dkim                          string
	profile                       string
}

func runRounds(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.IntVar(&o.contacts, "contacts", 100_000, "recipients")
	flags.IntVar(&o.connections, "connections", 16, "SMTP connections")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds, one after the other")
	flags.BoolVar(&o.ceiling, "ceiling", true, "measure the ceiling, too")
	flags.StringVar(&o.sink, "sink", "", "smtp-sink or own (default: smtp-sink where it is installed)")
	flags.StringVar(&o.dkim, "dkim", "none", "campaigns of each round, by how they are signed: a list of none, ed25519, rsa, both")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the rounds to this file, for go tool pprof")
	_ = flags.Parse(args)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(worker.GCPercent) // as the program does
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	b, err := open(ctx, o.connections, o.sink)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.seed(ctx, o.contacts, relaySettings{connections: o.connections}); err != nil {
		return err
	}
	stop := b.work(ctx, o.connections)
	defer stop()

	fmt.Printf("%s/%s, %d CPUs, %s; %d recipients, %d connections, %d bytes of HTML, sink: %s\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), o.contacts, o.connections, len(benchHTML()), b.sink.name())
	signings := strings.Split(o.dkim, ",")
	all, bare := map[string][]round{}, []round{}
	for i := range o.rounds {
		if o.ceiling {
			c, err := ceiling(ctx, b.template, b.sink.port(), o.contacts, o.connections)
			if err != nil {
				return err
			}
			fmt.Printf("round %d, ceiling:  %6.0f mails/s, CPU per mail: %s own\n", i+1, c.rate, c.own)
			bare = append(bare, c)
		}
		for _, signing := range signings {
			if err := b.sign(ctx, signing); err != nil {
				return err
			}
			r, err := b.campaign(ctx, o.contacts)
			if err != nil {
				return err
			}
			fmt.Printf("round %d, campaign, signed by %s: %s\n", i+1, signing, r)
			all[signing] = append(all[signing], r)
		}
	}
	for _, signing := range signings {
		m := median(all[signing])
		fmt.Printf("median campaign, signed by %s: %s\n", signing, m)
		if o.ceiling {
			top := median(bare)
			fmt.Printf("median ceiling: %.0f mails/s; campaign / ceiling = %.2f\n", top.rate, m.rate/top.rate)
		}
	}
	return nil
}

// round is what one campaign, or one ceiling, came to.
type round struct {
	rate                 float64       // mails per second, from start to finish
	own, postgres, redis time.Duration // CPU per mail
	firstMail, planned   time.Duration // after the start
	memory, redisMemory  int64         // the most in use, in bytes
	states               []time.Duration
}

func (r round) String() string {
	slices.Sort(r.states)
	return fmt.Sprintf("%6.0f mails/s, CPU per mail: %s own, %s postgres, %s redis; first mail after %s, planned after %s; "+
		"memory: %d MB own, %d MB redis; states read in %s (median), %s (p99), %s (longest)",
		r.rate, r.own, r.postgres, r.redis, r.firstMail.Round(time.Millisecond), r.planned.Round(time.Millisecond), r.memory>>20, r.redisMemory>>20,
		share(r.states, 0.5), share(r.states, 0.99), share(r.states, 1))
}

// share is the value below which a share of the sorted durations lies.
func share(sorted []time.Duration, of float64) time.Duration {
	return sorted[int(of*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// median is the round in the middle by rate.
func median(rounds []round) round {
	slices.SortFunc(rounds, func(a, b round) int { return cmp.Compare(a.rate, b.rate) })
	return rounds[len(rounds)/2]
}
