package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/senders"
	"posthorn/tasks"
)

// start begins a campaign to everyone.
func (b *bench) start(ctx context.Context) (campaigns.Campaign, error) {
	c, err := campaigns.Create(ctx, b.pool, clock.System(), campaigns.Input{
		Name: "bench", TemplateID: b.template.TemplateID, Topic: "news",
		Sender: campaigns.Sender{Name: "Shop", Address: "news@shop.example"},
	})
	if err != nil {
		return c, err
	}
	if c, err = campaigns.Start(ctx, b.pool, clock.System(), c.ID); err != nil {
		return c, err
	}
	return c, tasks.NewClient(b.client).KnockRun(ctx, c.Run.ID, c.Run.Epoch)
}

// campaign sends one campaign to everyone through everything: planning, tasks,
// claims, rendering, flight records, SMTP, outcomes. Meanwhile it reads the states
// of the run, as the page of a campaign does, and looks at Redis' memory.
func (b *bench) campaign(ctx context.Context, contacts int) (round, error) {
	debug.FreeOSMemory()
	forgetPeakMemory()
	before := b.sink.count()
	own, pg, rd := ownCPU(), familyCPU(b.pg.PID()), familyCPU(b.redis.PID())
	began := time.Now()
	c, err := b.start(ctx)
	if err != nil {
		return round{}, err
	}
	var r round
	for c.Run.FinishedAt == nil {
		time.Sleep(20 * time.Millisecond)
		asked := time.Now()
		if c, err = campaigns.Get(ctx, b.pool, c.ID); err != nil {
			return round{}, err
		}
		r.states = append(r.states, time.Since(asked))
		if c.Status != campaigns.Running && c.Status != campaigns.Finished {
			return round{}, fmt.Errorf("the campaign is %s: %s", c.Status, c.StatusReason)
		}
		if r.firstMail == 0 && c.Run.Sent > 0 {
			r.firstMail = time.Since(began)
		}
		if len(r.states)%5 == 1 {
			r.redisMemory = max(r.redisMemory, b.redisMemory(ctx))
		}
	}
	took, n := time.Since(began), time.Duration(contacts)
	if c.Run.Sent != int64(contacts) || c.Run.Recipients != int64(contacts) {
		return round{}, fmt.Errorf("the ledger says %+v of %d", *c.Run, contacts)
	}
	if got := b.sink.count() - before; got != int64(contacts) {
		return round{}, fmt.Errorf("the sink accepted %d mails of %d", got, contacts)
	}
	r.rate = float64(contacts) / took.Seconds()
	r.planned = c.Run.PlannedAt.Sub(c.Run.StartedAt)
	r.memory = peakMemory()
	r.own, r.postgres, r.redis = (ownCPU()-own)/n, (familyCPU(b.pg.PID())-pg)/n, (familyCPU(b.redis.PID())-rd)/n
	return r, nil
}

// sign has the campaigns to come signed by the keys of that name, or by none.
func (b *bench) sign(ctx context.Context, by string) error {
	if !slices.Contains([]string{"none", "ed25519", "rsa", "both"}, by) {
		return fmt.Errorf("--dkim: %q is none of none, ed25519, rsa, both", by)
	}
	for name, algorithm := range map[string]string{"ed25519": senders.Ed25519, "rsa": senders.RSA} {
		_, err := senders.Put(ctx, b.pool, clock.System(), benchSecret, senders.PutInput{
			Domain: "shop.example", Selector: name, Algorithm: algorithm, Active: by == name || by == "both"})
		if err != nil {
			return err
		}
	}
	time.Sleep(2100 * time.Millisecond) // for so long a worker may still use the keys it knows
	return nil
}

// redisMemory is what Redis has allocated, in bytes.
func (b *bench) redisMemory(ctx context.Context) int64 {
	n, _ := strconv.ParseInt(b.client.InfoMap(ctx, "memory").Item("Memory", "used_memory"), 10, 64)
	return n
}
