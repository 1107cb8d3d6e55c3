package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/campaigns"
	"posthorn/internal/clock"
	"posthorn/journeys"
	"posthorn/tasks"
	"posthorn/tracking"
	"posthorn/users"
	"posthorn/web"
)

// api is Posthorn's own API on a port of its own.
type api struct{ url, key string }

// serve starts the API until ctx ends.
func (b *bench) serve(ctx context.Context) (api, error) {
	key, _, err := users.CreateAPIKey(ctx, b.pool, clock.System(), "bench", users.Owner)
	if err != nil {
		return api{}, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return api{}, err
	}
	url := "http://" + l.Addr().String()
	server := web.NewServer(l.Addr().String(), web.New(web.Deps{Pool: b.pool, Knocker: tasks.NewClient(b.client), Clock: clock.System, Secret: benchSecret,
		Links: tracking.NewLinks(url, benchSecret), BaseURL: url, Logger: slog.New(slog.DiscardHandler)}))
	go func() { _ = server.Serve(l) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return api{url, key}, nil
}

// do sends a request and reads the answer into out, where that is not nil.
func (a api) do(ctx context.Context, method, path string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// follow publishes a journey whose first step is a mail, for every order.
func (b *bench) follow(ctx context.Context) (int64, error) {
	definition := fmt.Appendf(nil, `{"trigger": {"type": "order", "on": "placed"}, "steps": [
		{"id": "thanks", "type": "send", "template_id": %d, "sender": {"name": "Shop", "address": "orders@shop.example"}, "topic": "news"},
		{"id": "pause", "type": "wait", "for": "P14D"}, {"id": "end", "type": "exit"}]}`, b.template.TemplateID)
	j, err := journeys.Create(ctx, b.pool, clock.System(), "thanks", definition)
	if err != nil {
		return 0, err
	}
	_, err = journeys.Publish(ctx, b.pool, clock.System(), j.ID)
	return j.ID, err
}

func anOrder(id string, contact int) map[string]any {
	return map[string]any{"order_id": id, "contact_external_id": fmt.Sprint(contact), "placed_at": clock.System(), "currency": "EUR", "status": "paid",
		"items": []any{map[string]any{"sku": "CO-11", "quantity": 1, "unit_price": 12.5}}}
}

// runFollowUps measures how long it takes from an order's request until the relay
// has accepted its follow-up, while a campaign goes through the same relay.
func runFollowUps(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench followups", flag.ExitOnError)
	orders := flags.Int("orders", 1000, "orders")
	rate := flags.Int("rate", 20, "orders per second")
	contacts := flags.Int("contacts", 100_000, "recipients of the campaign meanwhile, which begins again when it is over; 0: none")
	connections := flags.Int("connections", 16, "SMTP connections of the campaign")
	_ = flags.Parse(args)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b, err := open(ctx, *connections+16, "")
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.seed(ctx, max(*contacts, *orders), relaySettings{connections: *connections}); err != nil {
		return err
	}
	a, err := b.serve(ctx)
	if err != nil {
		return err
	}
	journey, err := b.follow(ctx)
	if err != nil {
		return err
	}
	defer b.work(ctx, *connections)()
	drained := func() (string, error) { return "no campaign meanwhile", nil }
	if *contacts > 0 {
		if drained, err = b.keepSending(ctx); err != nil {
			return err
		}
		time.Sleep(2 * time.Second)
	}
	posted := make(map[string]time.Time, *orders)
	tick := time.NewTicker(time.Second / time.Duration(*rate))
	defer tick.Stop()
	for i := range *orders {
		<-tick.C
		id := fmt.Sprint("F", i)
		o := anOrder(id, i+1)
		delete(o, "order_id")
		posted[id] = time.Now()
		if err := a.do(ctx, http.MethodPut, "/api/v1/orders/"+id, o, nil); err != nil {
			return err
		}
	}
	draining, err := drained()
	if err != nil {
		return err
	}
	var took []time.Duration
	for until := time.Now().Add(time.Minute); len(took) < *orders; time.Sleep(200 * time.Millisecond) {
		if took, err = b.sentAfter(ctx, journey, posted); err != nil {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%d of %d orders were followed up", len(took), *orders)
		}
	}
	slices.Sort(took)
	fmt.Printf("%d orders at %d/s, %s: from the request to the recorded 250 p50 %s, p99 %s, longest %s\n",
		*orders, *rate, draining, share(took, 0.5), share(took, 0.99), share(took, 1))
	return nil
}

// keepSending starts a campaign to everyone, and the next where it is over. The
// function it returns says what was sent until then, and starts no other.
func (b *bench) keepSending(ctx context.Context) (drained func() (string, error), err error) {
	running, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	asked, stop := context.WithCancel(ctx)
	type sent struct {
		campaigns int
		mails     int64
		err       error
	}
	done := make(chan sent, 1)
	go func() {
		s := sent{campaigns: 1}
		defer func() { done <- s }()
		for {
			c, err := campaigns.Get(ctx, b.pool, running.ID)
			if err == nil && (asked.Err() != nil || c.Run.FinishedAt != nil) {
				s.mails += c.Run.Sent
				if asked.Err() != nil {
					return
				}
				s.campaigns++
				running, err = b.start(ctx)
			}
			if err != nil {
				s.err = err
				return
			}
			select {
			case <-asked.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() (string, error) {
		stop()
		s := <-done
		return fmt.Sprintf("%d campaigns to everyone one after the other meanwhile, %d mails of theirs sent", s.campaigns, s.mails), s.err
	}, nil
}

// sentAfter returns how long after they were posted the follow-ups of orders were sent.
func (b *bench) sentAfter(ctx context.Context, journey int64, posted map[string]time.Time) ([]time.Duration, error) {
	rows, err := b.pool.Query(ctx, `
		SELECT o.external_id, m.sent_at
		FROM messages m JOIN runs r ON r.id = m.run_id JOIN enrolments e ON e.id = m.enrolment_id JOIN orders o ON o.id = e.order_id
		WHERE r.journey_id = $1 AND m.state = 'sent'`, journey)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	var id string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error { took = append(took, at.Sub(posted[id])); return nil })
	return took, err
}
