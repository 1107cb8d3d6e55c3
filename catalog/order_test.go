package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
	"posthorn/postgres"
)

func fullOrder() OrderInput {
	return OrderInput{
		OrderID: "536365", ContactExternalID: "17850", PlacedAt: monday, Currency: "GBP", Status: Placed,
		Items: []Item{{"85123A", 6, 25500, ""}, {"71053", -2, 33900, ""}, {"GIFT", 1, 0, ""}, {"85123A", 6, 25500, ""}},
	}
}

func TestUpsertOrder(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "17850", "other")

	created, change, err := UpsertOrder(ctx, pool, monday, fullOrder())
	if err != nil || change != Created {
		t.Fatalf("first: %s, %v", change, err)
	}
	want := Order{
		ID: created.ID, OrderID: "536365", ContactID: created.ContactID, ContactExternalID: "17850", PlacedAt: monday, Status: "placed",
		Currency: "GBP", Total: 238200, Items: fullOrder().Items, CreatedAt: monday, UpdatedAt: monday,
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Fatal(diff)
	}

	before := rowVersions(t, pool)
	same := fullOrder()
	same.OrderID, same.Currency, same.Status = " 536365 ", " gbp", ""
	same.PlacedAt = monday.Add(999 * time.Nanosecond).In(time.FixedZone("CET", 3600))
	again, change, err := UpsertOrder(ctx, pool, tuesday, same)
	if err != nil || change != Unchanged {
		t.Fatalf("again: %s, %v", change, err)
	}
	if diff := cmp.Diff(created, again); diff != "" {
		t.Fatal(diff)
	}
	if after := rowVersions(t, pool); after != before {
		t.Fatalf("the same order was written again:\n%s\n%s", before, after)
	}

	for _, c := range []struct {
		name   string
		change func(*OrderInput)
	}{
		{"status", func(o *OrderInput) { o.Status = Refunded }},
		{"contact", func(o *OrderInput) { o.ContactExternalID = "other" }},
		{"time", func(o *OrderInput) { o.PlacedAt = tuesday }},
		{"currency", func(o *OrderInput) { o.Currency = "" }},
		{"items in another order", func(o *OrderInput) { o.Items[0], o.Items[1] = o.Items[1], o.Items[0] }},
		{"fewer items", func(o *OrderInput) { o.Items = o.Items[:1] }},
		{"more items", func(o *OrderInput) { o.Items = append(o.Items, Item{SKU: "NEW", Quantity: 1, UnitPrice: 1}) }},
	} {
		if _, _, err := UpsertOrder(ctx, pool, monday, fullOrder()); err != nil {
			t.Fatal(err)
		}
		in := fullOrder()
		c.change(&in)
		got, change, err := UpsertOrder(ctx, pool, tuesday, in)
		if err != nil || change != Updated {
			t.Errorf("%s: %s, %v", c.name, change, err)
			continue
		}
		gotInput := OrderInput{got.OrderID, got.ContactExternalID, got.PlacedAt, got.Currency, got.Status, got.Items}
		if diff := cmp.Diff(in, gotInput); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if got.ID != created.ID || !got.CreatedAt.Equal(monday) || !got.UpdatedAt.Equal(tuesday) {
			t.Errorf("%s: id %d, created %s, updated %s", c.name, got.ID, got.CreatedAt, got.UpdatedAt)
		}
	}
}

func TestOrderChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*OrderInput)
		want   string
	}{
		{"good", func(*OrderInput) {}, "(no error)"},
		{"no order id", func(o *OrderInput) { o.OrderID = "" }, "order_id"},
		{"no contact", func(o *OrderInput) { o.ContactExternalID = " " }, "contact_external_id"},
		{"no time", func(o *OrderInput) { o.PlacedAt = time.Time{} }, "placed_at"},
		{"milliseconds read as seconds", func(o *OrderInput) { o.PlacedAt = time.Unix(monday.UnixMilli(), 0) }, "placed_at"},
		{"status", func(o *OrderInput) { o.Status = "shipped" }, "status"},
		{"status in capitals", func(o *OrderInput) { o.Status = "PAID" }, "(no error)"},
		{"currency", func(o *OrderInput) { o.Currency = "12A" }, "currency"},
		{"no items", func(o *OrderInput) { o.Items = nil }, "items"},
		{"too many items", func(o *OrderInput) { o.Items = make([]Item, maxItems+1) }, "items"},
		{"item without sku", func(o *OrderInput) { o.Items[2].SKU = "" }, "items[2].sku"},
		{"control character", func(o *OrderInput) { o.Items[1].SKU = "a\tb" }, "items[1].sku"},
		{"quantity", func(o *OrderInput) { o.Items[1].Quantity = maxQuantity + 1 }, "items[1].quantity"},
		{"price", func(o *OrderInput) { o.Items[1].UnitPrice = maxAmount + 1 }, "items[1].unit_price"},
		{"quantity times price", func(o *OrderInput) { o.Items[0].Quantity, o.Items[0].UnitPrice = maxQuantity, maxAmount }, "items[0].unit_price"},
		{"total", func(o *OrderInput) {
			o.Items = []Item{{SKU: "a", Quantity: 1, UnitPrice: maxAmount}, {SKU: "b", Quantity: 1, UnitPrice: maxAmount}}
		}, "items"},
		{"total at the limit", func(o *OrderInput) { o.Items = []Item{{"a", 1, maxAmount, ""}, {"b", -1, 1, ""}} }, "(no error)"},
		{"several", func(o *OrderInput) { o.OrderID = "\x00"; o.Status = "x"; o.Items[3].SKU = "" }, "order_id status items[3].sku"},
	} {
		in := fullOrder()
		c.change(&in)
		_, _, err := in.check()
		if got := fields(err); got != c.want {
			t.Errorf("%s: wrong fields %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUpsertOrderOfUnknownContact(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, _, err := UpsertOrder(context.Background(), pool, monday, fullOrder())
	if fields(err) != "contact_external_id" {
		t.Errorf("%v", err)
	}
	if orders, _, err := ListOrders(context.Background(), pool, OrderFilter{}); err != nil || len(orders) != 0 {
		t.Errorf("%v, %v", orders, err)
	}
}

func TestUpsertOrderTakesPartInATransaction(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "17850")
	stop := errors.New("stop")
	err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		if _, change, err := UpsertOrder(ctx, tx, monday, fullOrder()); err != nil || change != Created {
			t.Errorf("%s, %v", change, err)
		}
		return stop
	})
	if err != stop {
		t.Fatal(err)
	}
	var notFound *fault.NotFound
	if _, err := OrderByID(ctx, pool, "536365"); !errors.As(err, &notFound) {
		t.Errorf("after the rollback: %v", err)
	}
}

func TestUpsertOrders(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "17850")
	order := func(id string, change func(*OrderInput)) OrderInput {
		o := fullOrder()
		o.OrderID = id
		if change != nil {
			change(&o)
		}
		return o
	}
	if _, _, err := UpsertOrder(ctx, pool, monday, order("old", nil)); err != nil {
		t.Fatal(err)
	}
	results, err := UpsertOrders(ctx, pool, tuesday, []OrderInput{
		order("new", nil),
		order("bad", func(o *OrderInput) { o.Items[2].SKU = "" }),
		order("old", nil),
		order("nobody", func(o *OrderInput) { o.ContactExternalID = "nobody" }),
		order("new", func(o *OrderInput) { o.Items = o.Items[:2] }),
		order("new", func(o *OrderInput) { o.Status = Paid; o.Items = o.Items[:2] }),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, r := range results {
		if r.Index != i {
			t.Errorf("result %d says index %d", i, r.Index)
		}
		got = append(got, fmt.Sprintf("%s:%s:%s", r.ID, r.Change, fields(r.Error)))
	}
	want := "new:created:(no error) bad::items[2].sku old:unchanged:(no error) nobody::contact_external_id new:updated:(no error) new:updated:(no error)"
	if strings.Join(got, " ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, " "), want)
	}
	stored, err := OrderByID(ctx, pool, "new")
	if err != nil || stored.Status != Paid || len(stored.Items) != 2 {
		t.Errorf("%+v, %v", stored, err)
	}
	if results, err := UpsertOrders(ctx, pool, tuesday, nil); err != nil || len(results) != 0 {
		t.Errorf("an empty batch: %v, %v", results, err)
	}
	if _, err := UpsertOrders(ctx, pool, tuesday, make([]OrderInput, MaxBatch+1)); err == nil {
		t.Error("a batch that is too large was taken")
	}
}

// Many writers, each with its own idea of the same orders: in the end every order
// is exactly what one of them said.
func TestUpsertOrdersAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "c0", "c1", "c2", "c3", "c4", "c5")
	says := func(writer int, id string) OrderInput {
		o := OrderInput{OrderID: id, ContactExternalID: fmt.Sprint("c", writer), PlacedAt: monday.Add(time.Duration(writer) * time.Hour),
			Status: Placed, Currency: []string{"EUR", "GBP"}[writer%2]}
		for line := range writer + 1 {
			o.Items = append(o.Items, Item{fmt.Sprintf("w%d-%d", writer, line), writer + 1, Amount(writer + 1), ""})
		}
		return o
	}
	const orders = 12
	var wg sync.WaitGroup
	for writer := range 6 {
		wg.Go(func() {
			for range 5 {
				var batch []OrderInput
				for i := range orders {
					if writer%2 == 1 { // against the others' direction, which would deadlock without an order
						i = orders - 1 - i
					}
					batch = append(batch, says(writer, fmt.Sprint("o", i)))
				}
				results, err := UpsertOrders(ctx, pool, monday, batch)
				if err != nil {
					t.Errorf("writer %d: %v", writer, err)
				}
				for _, r := range results {
					if r.Error != nil {
						t.Errorf("writer %d: %v", writer, r.Error)
					}
				}
			}
		})
	}
	wg.Wait()
	list, _, err := ListOrders(ctx, pool, OrderFilter{})
	if err != nil || len(list) != orders {
		t.Fatalf("%d orders, %v", len(list), err)
	}
	for _, o := range list {
		var writer int
		fmt.Sscanf(o.ContactExternalID, "c%d", &writer)
		want := says(writer, o.OrderID)
		got := OrderInput{o.OrderID, o.ContactExternalID, o.PlacedAt, o.Currency, o.Status, o.Items}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is a mixture: %s", o.OrderID, diff)
		}
		if want := Amount((writer + 1) * (writer + 1) * (writer + 1)); o.Total != want {
			t.Errorf("%s: total %s, want %s", o.OrderID, o.Total, want)
		}
	}
}

// While orders are written, their contact goes and comes back: nothing but "there
// is no such contact" may come of it.
func TestUpsertOrderWhileItsContactIsDeleted(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "17850")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for range 60 {
			if _, err := pool.Exec(ctx, `DELETE FROM contacts WHERE external_id = '17850'`); err != nil {
				t.Error(err)
			}
			addContacts(t, pool, "17850")
		}
	})
	for writer := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				in := fullOrder()
				in.Items = in.Items[:1+(n+writer)%4]
				if _, _, err := UpsertOrder(ctx, pool, monday, in); err != nil && fields(err) != "contact_external_id" && !errors.Is(err, errRace) {
					t.Errorf("%v", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestListOrders(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "a", "b")
	for i := range 5 {
		in := fullOrder()
		in.OrderID, in.ContactExternalID = fmt.Sprint("o", i), []string{"a", "b"}[i%2]
		if _, _, err := UpsertOrder(ctx, pool, monday, in); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter OrderFilter
		want   string
	}{
		{OrderFilter{}, "o4o3o2o1o0"},
		{OrderFilter{Limit: 2}, "o4o3|o2o1|o0"},
		{OrderFilter{Limit: 5}, "o4o3o2o1o0"},
		{OrderFilter{ContactExternalID: "b", Limit: 1}, "o3|o1"},
		{OrderFilter{ContactExternalID: "nobody"}, ""},
		{OrderFilter{ContactExternalID: "\x00"}, ""},
	} {
		var pages []string
		for f := c.filter; ; {
			orders, next, err := ListOrders(ctx, pool, f)
			if err != nil {
				t.Fatal(err)
			}
			page := ""
			for _, o := range orders {
				page += o.OrderID
				if diff := cmp.Diff(fullOrder().Items, o.Items); diff != "" {
					t.Errorf("%s: %s", o.OrderID, diff)
				}
			}
			pages = append(pages, page)
			if f.Cursor = next; next == 0 {
				break
			}
		}
		if got := strings.Join(pages, "|"); got != c.want {
			t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
		}
	}
}
