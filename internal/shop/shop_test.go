package shop_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/contacts"
	"posthorn/internal/pgtest"
	"posthorn/internal/shop"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var base = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func config() shop.Config {
	return shop.Config{Seed: 1, Base: base, Contacts: 2000, Products: 200, Orders: 6000, URL: "http://shop.example"}
}

func TestTheSameSeedMakesTheSameShop(t *testing.T) {
	t.Parallel()
	text := func(cfg shop.Config) string {
		data, err := json.Marshal(shop.Generate(cfg))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	one := text(config())
	if diff := cmp.Diff(one, text(config())); diff != "" {
		t.Error("two shops of one seed differ")
	}
	other := config()
	other.Seed = 2
	if one == text(other) {
		t.Error("two seeds make the same shop")
	}
}

func TestTheShopIsPlausible(t *testing.T) {
	t.Parallel()
	s := shop.Generate(config())
	if len(s.Contacts) != 2000 || len(s.Products) != 200 || len(s.Orders) != 6000 {
		t.Fatalf("%d contacts, %d products, %d orders", len(s.Contacts), len(s.Products), len(s.Orders))
	}

	category, names := map[string]string{}, map[string]bool{}
	categories := map[string]int{}
	for _, p := range s.Products {
		category[p.SKU] = *p.Category
		categories[*p.Category]++
		names[*p.Name] = true
	}
	if len(category) != 200 || len(names) != 200 || len(categories) != 12 {
		t.Errorf("%d skus, %d names, %d categories", len(category), len(names), len(categories))
	}

	addresses := map[string]int{}
	var without, subscribed, unsubscribed int
	created := map[string]time.Time{}
	for _, c := range s.Contacts {
		created[c.ExternalID] = *c.CreatedAt
		if c.Email == nil {
			without++
			continue
		}
		_, key, err := contacts.NormalizeEmail(*c.Email)
		if err != nil {
			t.Errorf("%s: %v", c.ExternalID, err)
		}
		addresses[key]++
		switch c.Topics[shop.Topic] {
		case "subscribed":
			subscribed++
		case "unsubscribed":
			unsubscribed++
		}
	}
	doubles := len(s.Contacts) - without - len(addresses)
	between(t, "contacts without an address", without, 5, 40)
	between(t, "addresses that come twice", doubles, 5, 30)
	between(t, "subscribed", subscribed, 1600, 1800)
	between(t, "unsubscribed", unsubscribed, 80, 220)
	between(t, "suppressions", len(s.Suppressions), 8, 30)

	states := map[string]int{}
	buyers := map[string]int{}
	coffee, grinder := map[string]bool{}, map[string]bool{}
	ids := map[string]bool{}
	last := time.Time{}
	for _, o := range s.Orders {
		ids[o.OrderID] = true
		states[o.Status]++
		buyers[o.ContactExternalID]++
		if !o.PlacedAt.Before(base) || o.PlacedAt.Before(created[o.ContactExternalID].Add(-24*time.Hour)) {
			t.Errorf("order %s of %s at %s, and its contact is of %s", o.OrderID, o.ContactExternalID, o.PlacedAt, created[o.ContactExternalID])
		}
		if o.PlacedAt.Before(last) {
			t.Errorf("order %s is numbered out of its time", o.OrderID)
		}
		last = o.PlacedAt
		if len(o.Items) == 0 {
			t.Errorf("order %s is empty", o.OrderID)
		}
		for _, item := range o.Items {
			if category[item.SKU] == "" || item.Quantity < 1 || item.UnitPrice <= 0 {
				t.Errorf("order %s: %+v", o.OrderID, item)
			}
			coffee[o.ContactExternalID] = coffee[o.ContactExternalID] || category[item.SKU] == "coffee"
			grinder[o.ContactExternalID] = grinder[o.ContactExternalID] || category[item.SKU] == "grinders"
		}
	}
	between(t, "order ids", len(ids), 6000, 6000)
	between(t, "cancelled", states["cancelled"], 100, 260)
	between(t, "refunded", states["refunded"], 80, 230)
	between(t, "placed", states["placed"], 1, 600)
	between(t, "people who ordered", len(buyers), 1200, 1700)
	again := 0
	for _, n := range buyers {
		if n > 1 {
			again++
		}
	}
	between(t, "of them again", again, len(buyers)/2, len(buyers)*19/20)
	audience := 0
	for id := range coffee {
		if coffee[id] && !grinder[id] {
			audience++
		}
	}
	between(t, "bought coffee and no grinder", audience, 300, 1200)
}

func between(t *testing.T, what string, n, low, high int) {
	t.Helper()
	if n < low || n > high {
		t.Errorf("%s: %d, want %d to %d", what, n, low, high)
	}
}

// The gaps between a person's orders are log-normal: their logarithms spread
// around a middle, with few very short and very long ones.
func TestGapsBetweenOrders(t *testing.T) {
	t.Parallel()
	last := map[string]time.Time{}
	var sum, squares float64
	n := 0
	for _, o := range shop.Generate(config()).Orders {
		if before, ok := last[o.ContactExternalID]; ok {
			if days := o.PlacedAt.Sub(before).Hours() / 24; days > 0 {
				l := math.Log(days)
				sum, squares, n = sum+l, squares+l*l, n+1
			}
		}
		last[o.ContactExternalID] = o.PlacedAt
	}
	mean := sum / float64(n)
	median, spread := math.Exp(mean), math.Sqrt(squares/float64(n)-mean*mean)
	if median < 25 || median > 55 || spread < 0.5 || spread > 1 {
		t.Errorf("%d gaps: median %.1f days, spread of the logarithm %.2f", n, median, spread)
	}
}

func TestSmallShops(t *testing.T) {
	t.Parallel()
	for _, cfg := range []shop.Config{
		{Base: base, Contacts: 1, Products: 12, Orders: 0},
		{Base: base, Contacts: 1, Products: 12, Orders: 5},
		{Base: base, Contacts: 99, Products: 13, Orders: 100},
		{Base: base, Contacts: 100, Products: 205, Orders: 10},
	} {
		s := shop.Generate(cfg)
		if len(s.Contacts) != cfg.Contacts || len(s.Products) != cfg.Products || len(s.Orders) != cfg.Orders {
			t.Errorf("%+v made %d, %d, %d", cfg, len(s.Contacts), len(s.Products), len(s.Orders))
		}
	}
}

func TestLoadTwice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := pgtest.New(t)
	cfg := config()
	cfg.Contacts, cfg.Orders = 300, 700
	s := shop.Generate(cfg)
	if err := s.Load(ctx, pool, base); err != nil {
		t.Fatal(err)
	}
	counts := func() (n [6]int) {
		err := pool.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM products), (SELECT count(*) FROM orders),
			       (SELECT count(*) FROM suppressions), (SELECT count(*) FROM consents),
			       (SELECT count(*) FROM contacts WHERE updated_at > $1)
			           + (SELECT count(*) FROM products WHERE updated_at > $1) + (SELECT count(*) FROM orders WHERE updated_at > $1)`,
			base).Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := counts()
	if first[0] != 300 || first[1] != 200 || first[2] != 700 || first[3] != len(s.Suppressions) {
		t.Errorf("loaded %v", first)
	}
	if err := s.Load(ctx, pool, base.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if second := counts(); second != first {
		t.Errorf("loaded again: %v, before: %v", second, first)
	}
}

func TestPictureIsSafe(t *testing.T) {
	t.Parallel()
	got := string(shop.Picture(`"><script>`))
	if strings.Contains(got, "<script") || strings.Contains(got, "%!") {
		t.Error(got)
	}
}
