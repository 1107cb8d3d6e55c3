package main

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/clock"
	"posthorn/internal/csvimport"
	"posthorn/journeys"
	"posthorn/postgres"
)

// crossSell is: who bought a candle, and for 14 days nothing for Christmas, is told
// of it; a week later again.
const crossSell = `{
	"trigger": {"type": "not_bought", "where": {"field": "order.category", "operator": "bought", "value": "candles"}, "within": "P14D",
		"unless": {"field": "bought.category", "operator": "bought", "value": "christmas", "from": "trigger"}},
	"entry": {"key": "contact", "again_after": "P60D"},
	"exit": {"goal": {"field": "bought.category", "operator": "bought", "value": "christmas", "from": "trigger"}},
	"steps": [
		{"id": "offer", "type": "send", "template_id": 1, "sender": {"address": "news@shop.example"}, "topic": "news"},
		{"id": "pause", "type": "wait", "for": "P7D", "at": "09:00"},
		{"id": "many", "type": "branch", "if": {"field": "orders.count", "operator": ">", "value": 5},
			"then": [{"id": "regular", "type": "send", "template_id": 1, "sender": {"address": "news@shop.example"}, "topic": "news"}],
			"else": [{"id": "again", "type": "send", "template_id": 1, "sender": {"address": "news@shop.example"}, "topic": "news"}]}
	]}`

// runReplay replays a folder's orders (contacts.csv.gz, products.csv.gz,
// orders.csv.gz) through a cross-sell journey, once by the simulator and once by the
// live engine, driven by the clock of the orders, and compares the mails row by row.
func runReplay(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench replay", flag.ExitOnError)
	dir := flags.String("data", "", "a folder with contacts.csv.gz, products.csv.gz and orders.csv.gz")
	_ = flags.Parse(args)
	if *dir == "" {
		return errors.New("--data is missing: a folder with contacts.csv.gz, products.csv.gz and orders.csv.gz")
	}
	b, err := open(ctx, 16, "own")
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.seed(ctx, 0, relaySettings{connections: 1}); err != nil {
		return err
	}
	live, err := b.second(ctx)
	if err != nil {
		return err
	}
	defer live.Close()
	for _, pool := range []*pgxpool.Pool{b.pool, live} {
		if err := importFile(*dir, "contacts", func(r io.Reader) error {
			_, err := contacts.Import(ctx, pool, r, contacts.ImportOptions{Options: csvimport.Options{}, Topic: "news", Source: "bench", Now: clock.System()})
			return err
		}); err != nil {
			return err
		}
		if err := importFile(*dir, "products", func(r io.Reader) error {
			_, err := catalog.ImportProducts(ctx, pool, r, catalog.ImportOptions{Now: clock.System()})
			return err
		}); err != nil {
			return err
		}
	}
	if err := importFile(*dir, "orders", func(r io.Reader) error {
		_, err := catalog.ImportOrders(ctx, b.pool, r, catalog.ImportOptions{Now: clock.System()})
		return err
	}); err != nil {
		return err
	}
	var from, to time.Time
	if err := b.pool.QueryRow(ctx, `SELECT min(placed_at), max(placed_at) + interval '60 days' FROM orders`).Scan(&from, &to); err != nil {
		return err
	}
	from, to = from.UTC(), to.UTC()

	d, err := journeys.Parse([]byte(crossSell))
	if err != nil {
		return err
	}
	var simulated []journeys.Mail
	began := time.Now()
	report, err := journeys.Simulate(ctx, b.pool, 1, d, journeys.Simulation{From: from, To: to, Each: func(m journeys.Mail) error { m.Skipped = ""; simulated = append(simulated, m); return nil }})
	if err != nil {
		return err
	}
	simTook := time.Since(began)

	began = time.Now()
	happened, err := replayLive(ctx, b.pool, live, from, to)
	if err != nil {
		return err
	}
	liveTook := time.Since(began)
	real, err := liveMails(ctx, live)
	if err != nil {
		return err
	}
	sortMails(simulated)
	sortMails(real)
	fmt.Printf("%d orders from %s to %s: %d entered, %d dropped; simulated in %s: %d mails; live in %s: %d mails\n",
		happened, from.Format(time.DateOnly), to.Format(time.DateOnly), report.Enrolled, report.Dropped, simTook.Round(time.Millisecond), len(simulated),
		liveTook.Round(time.Second), len(real))
	for i := range max(len(simulated), len(real)) {
		if i >= len(simulated) || i >= len(real) || simulated[i] != real[i] {
			return fmt.Errorf("they differ from row %d on", i+1)
		}
	}
	fmt.Println("row by row the same (contact, step, time)")
	if h := report.BusiestHour; h != nil {
		fmt.Printf("per step %v; the busiest hour is %s with %d mails\n", report.PerStep, h.At.Format(time.RFC3339), h.Mails)
	}
	return nil
}

func sortMails(list []journeys.Mail) {
	slices.SortFunc(list, func(a, b journeys.Mail) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Step, b.Step))
	})
}

// second makes another database on the same server.
func (b *bench) second(ctx context.Context) (*pgxpool.Pool, error) {
	if _, err := b.pool.Exec(ctx, `CREATE DATABASE live`); err != nil {
		return nil, err
	}
	u, err := url.Parse(b.pg.URL)
	if err != nil {
		return nil, err
	}
	u.Path = "/live"
	pool, err := postgres.Open(ctx, u.String(), 8)
	if err != nil {
		return nil, err
	}
	if _, _, err := postgres.Migrate(ctx, pool); err != nil {
		return nil, err
	}
	_, err = pool.Exec(ctx, `
		WITH t AS (INSERT INTO templates (name, version, created_at, updated_at) VALUES ('t', 1, now(), now()) RETURNING id)
		INSERT INTO template_versions (template_id, version, subject, compiled_html, compiled_text, created_at) SELECT id, 1, 's', 'h', 't', now() FROM t`)
	return pool, err
}

func importFile(dir, name string, load func(io.Reader) error) error {
	f, err := os.Open(filepath.Join(dir, name+".csv.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := load(z); err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	return nil
}

// replayLive places the orders one after the other, each at its time, and takes
// what is due in between when it is due.
func replayLive(ctx context.Context, source, live *pgxpool.Pool, from, to time.Time) (int, error) {
	j, err := journeys.Create(ctx, live, from, "cross-sell", []byte(crossSell))
	if err != nil {
		return 0, err
	}
	if _, err := journeys.Publish(ctx, live, from, j.ID); err != nil {
		return 0, err
	}
	engine := journeys.NewEngine(nil)
	passTo := func(at time.Time) error {
		for {
			var due *time.Time
			if err := live.QueryRow(ctx, `SELECT min(due_at) FROM enrolments WHERE journey_id = $1 AND due_at <= $2`, j.ID, at).Scan(&due); err != nil || due == nil {
				return err
			}
			if _, err := engine.Advance(ctx, live, due.UTC(), j.ID); err != nil {
				return err
			}
		}
	}
	rows, err := source.Query(ctx, `SELECT external_id FROM orders ORDER BY placed_at, id`)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		o, err := catalog.OrderByID(ctx, source, id)
		if err != nil {
			return 0, err
		}
		if err := passTo(o.PlacedAt); err != nil {
			return 0, err
		}
		in := catalog.OrderInput{OrderID: o.OrderID, ContactExternalID: o.ContactExternalID, PlacedAt: o.PlacedAt, Currency: o.Currency, Status: o.Status, Items: o.Items}
		if _, _, err := catalog.UpsertOrder(ctx, live, o.PlacedAt, in); err != nil {
			return 0, err
		}
		if _, err := engine.Eval(ctx, live, o.PlacedAt); err != nil {
			return 0, err
		}
		if err := passTo(o.PlacedAt); err != nil {
			return 0, err
		}
	}
	return len(ids), passTo(to.Add(-time.Microsecond))
}

func liveMails(ctx context.Context, live *pgxpool.Pool) ([]journeys.Mail, error) {
	rows, err := live.Query(ctx, `
		SELECT c.external_id, r.step, m.created_at FROM messages m JOIN runs r ON r.id = m.run_id JOIN contacts c ON c.id = m.contact_id
		WHERE r.kind = 'journey'`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (m journeys.Mail, err error) {
		err = row.Scan(&m.Contact, &m.Step, &m.At)
		m.At = m.At.UTC()
		return m, err
	})
}
