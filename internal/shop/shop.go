// Package shop makes up a shop for the demo: a coffee roastery with contacts,
// products and orders that look like those of a real one. The same Config always
// gives the same shop.
//
// People are drawn first, each with a taste (taste.go) and a pace; then each
// one's orders, from the newest back in time, with log-normal gaps; then what
// makes data real: consent refused, addresses twice or not at all, suppressions,
// orders cancelled and refunded.
package shop

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/contacts"
)

// Config says what to make up.
type Config struct {
	Seed     uint64
	Base     time.Time // the newest order is just before this moment
	Contacts int
	Products int
	Orders   int
	URL      string // where the shop's pages and pictures are, without a slash at the end
}

// Topic is what the shop's contacts can subscribe to.
const Topic = "news"

// Shop is what was made up.
type Shop struct {
	Contacts     []contacts.Input
	Products     []catalog.ProductInput
	Orders       []catalog.OrderInput
	Suppressions []Suppression
}

// Suppression is an address that the shop must not mail.
type Suppression struct{ Email, Cause, Detail string }

// IDPrefix begins the external id of every contact of a made-up shop, so that it
// is not taken for a real one.
const IDPrefix = "demo-"

// Generate makes up a shop.
func Generate(cfg Config) Shop {
	// A source each, so that changing one part leaves the others as they are.
	source := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(cfg.Seed, n)) }
	var s Shop
	var shelf shelf
	s.Products, shelf = stock(source(1), cfg)
	people := crowd(source(2), cfg.Contacts)
	s.Orders = orders(source(3), cfg, people, shelf)
	s.Contacts = make([]contacts.Input, len(people))
	consent := source(4)
	for i, p := range people {
		s.Contacts[i] = p.input(consent, cfg.Base)
	}
	spoil(source(5), &s, people)
	return s
}

// orders draws who orders how often, and then each one's orders.
func orders(r *rand.Rand, cfg Config, people []*person, shelf shelf) []catalog.OrderInput {
	if len(people) == 0 {
		return nil
	}
	// How eager somebody is has a long tail; a fifth only looked around.
	weights := make([]float64, len(people))
	sum := 0.0
	for i := range people {
		if r.Float64() < 0.8 {
			weights[i] = math.Exp(r.NormFloat64() * 0.9)
		}
		sum += weights[i]
		weights[i] = sum
	}
	counts := make([]int, len(people))
	for range cfg.Orders {
		x := r.Float64() * sum
		lo, hi := 0, len(weights)-1
		for lo < hi {
			if mid := (lo + hi) / 2; weights[mid] > x {
				hi = mid
			} else {
				lo = mid + 1
			}
		}
		counts[lo]++
	}
	out := make([]catalog.OrderInput, 0, cfg.Orders)
	for i, n := range counts {
		out = append(out, people[i].orders(r, cfg.Base, n, shelf)...)
	}
	// Numbered as a shop would: in the order in which they were placed.
	byTime(out)
	for i := range out {
		out[i].OrderID = fmt.Sprintf("S%06d", 100_001+i)
	}
	return out
}

// orders draws n orders of one person, newest first.
func (p *person) orders(r *rand.Rand, base time.Time, n int, shelf shelf) []catalog.OrderInput {
	// The newest is the more recent the more often somebody orders.
	at := base.Add(-days(r.ExpFloat64() * 120 / float64(1+n) * 2))
	var out []catalog.OrderInput
	for range n {
		o := catalog.OrderInput{
			ContactExternalID: p.id,
			PlacedAt:          daytime(r, at, base),
			Currency:          currency,
			Status:            "paid",
			Items:             p.basket(r, shelf),
		}
		switch x := r.Float64(); {
		case x < 0.03:
			o.Status = "cancelled"
		case x < 0.055:
			o.Status = "refunded"
		case base.Sub(o.PlacedAt) < 3*24*time.Hour:
			o.Status = "placed"
		}
		out = append(out, o)
		p.first = o.PlacedAt
		at = at.Add(-days(p.pace * math.Exp(r.NormFloat64()*0.55)))
	}
	return out
}

// daytime moves t to an hour at which people shop, but never past base.
func daytime(r *rand.Rand, t, base time.Time) time.Time {
	hour := int(math.Round(14 + r.NormFloat64()*4))
	hour = min(max(hour, 6), 22)
	at := time.Date(t.Year(), t.Month(), t.Day(), hour, r.IntN(60), r.IntN(60), 0, time.UTC)
	if !at.Before(base) {
		at = at.Add(-24 * time.Hour)
	}
	return at
}

func days(n float64) time.Duration { return time.Duration(n * float64(24*time.Hour)) }

// batch is how many rows are handed over at once.
const batch = 500

// Load writes the shop to the database. Loaded twice it changes nothing.
func (s Shop) Load(ctx context.Context, pool *pgxpool.Pool, now time.Time) error {
	for i := 0; i < len(s.Contacts); i += batch {
		results, err := contacts.UpsertBatch(ctx, pool, now, s.Contacts[i:min(i+batch, len(s.Contacts))], "demo")
		if err != nil {
			return fmt.Errorf("load the shop's contacts: %w", err)
		}
		for _, r := range results {
			if r.Error != nil {
				return fmt.Errorf("load the shop's contacts: %s: %w", s.Contacts[i+r.Index].ExternalID, r.Error)
			}
		}
	}
	for i := 0; i < len(s.Products); i += batch {
		results, err := catalog.UpsertProducts(ctx, pool, now, s.Products[i:min(i+batch, len(s.Products))])
		if err := first(results, err); err != nil {
			return fmt.Errorf("load the shop's products: %w", err)
		}
	}
	for i := 0; i < len(s.Orders); i += batch {
		results, err := catalog.UpsertOrders(ctx, pool, now, s.Orders[i:min(i+batch, len(s.Orders))])
		if err := first(results, err); err != nil {
			return fmt.Errorf("load the shop's orders: %w", err)
		}
	}
	for _, sup := range s.Suppressions {
		if err := contacts.Suppress(ctx, pool, now, sup.Email, sup.Cause, sup.Detail); err != nil {
			return fmt.Errorf("load the shop's suppressions: %w", err)
		}
	}
	return nil
}

// first returns the batch's error, or else that of the first item that has one.
func first(results []catalog.ItemResult, err error) error {
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Error != nil {
			return fmt.Errorf("%s: %w", r.ID, r.Error)
		}
	}
	return nil
}
