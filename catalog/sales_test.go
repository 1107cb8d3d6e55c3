package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestSales(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), pgtest.New(t)
	addContacts(t, pool, "A", "B")
	now := time.Date(2026, 3, 31, 23, 30, 0, 0, time.UTC)
	for i, o := range []struct {
		contact, status string
		placed          time.Time
		items           []Item
	}{
		{"A", "placed", now, []Item{{SKU: "CUP", Quantity: 2}, {SKU: "CUP", Quantity: 1}}}, // two lines are one order
		{"A", "paid", now.AddDate(0, 0, -40), []Item{{SKU: "CUP", Quantity: 1}, {SKU: "OLD", Quantity: 9}}},
		{"B", "paid", now.AddDate(-2, 0, 0), []Item{{SKU: "CUP", Quantity: 4}}},
		{"B", "refunded", now, []Item{{SKU: "CUP", Quantity: 8}}},
		{"B", "paid", now, []Item{{SKU: "CUP", Quantity: -1}}}, // brought back
	} {
		for n := range o.items {
			o.items[n].UnitPrice = 10_0000
		}
		_, _, err := UpsertOrder(ctx, pool, now, OrderInput{OrderID: fmt.Sprint("O-", i), ContactExternalID: o.contact, PlacedAt: o.placed, Currency: "EUR", Status: o.status, Items: o.items})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := UpsertProduct(ctx, pool, now, ProductInput{SKU: "NEW"}); err != nil {
		t.Fatal(err)
	}
	s, err := SalesOf(ctx, pool, now, "CUP")
	if err != nil || s.Orders != 3 || s.Contacts != 2 || s.Pieces != 8 || s.AtLeast || !s.FirstAt.Equal(now.AddDate(-2, 0, 0)) || !s.LastAt.Equal(now) {
		t.Errorf("%+v, %v", s, err)
	}
	want := make([]Month, 12)
	for i := range want {
		want[i].Month = time.Date(2025, time.April+time.Month(i), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
	}
	want[11].Orders, want[10].Orders = 1, 1 // 40 days before is in February
	if diff := cmp.Diff(want, s.Months); diff != "" {
		t.Error(diff)
	}
	if s, err := SalesOf(ctx, pool, now, "NEW"); err != nil || s.Orders != 0 || s.FirstAt != nil || len(s.Months) != 12 {
		t.Errorf("never bought: %+v, %v", s, err)
	}
	if s, err := SalesOf(ctx, pool, now, "OLD"); err != nil || s.Pieces != 9 {
		t.Errorf("never described: %+v, %v", s, err)
	}
	var notFound *fault.NotFound
	for _, sku := range []string{"NONE", "\x00"} {
		if _, err := SalesOf(ctx, pool, now, sku); !errors.As(err, &notFound) {
			t.Errorf("%q: %v", sku, err)
		}
	}

	// What was bought cannot go.
	for sku := range map[string]bool{"CUP": true, "OLD": true} {
		if _, _, err := UpsertProduct(ctx, pool, now, ProductInput{SKU: sku, Category: ptr("things")}); err != nil {
			t.Fatal(err)
		}
		var conflict *fault.Conflict
		if err := DeleteProduct(ctx, pool, sku); !errors.As(err, &conflict) {
			t.Errorf("%s: %v", sku, err)
		}
	}
	if list, err := Categories(ctx, pool); err != nil || len(list) != 1 || list[0] != (Category{"things", 2}) {
		t.Errorf("%+v, %v", list, err)
	}
	if err := DeleteProduct(ctx, pool, "NEW"); err != nil {
		t.Error(err)
	}
	for _, sku := range []string{"NEW", "\x00"} {
		if err := DeleteProduct(ctx, pool, sku); !errors.As(err, &notFound) {
			t.Errorf("%q: %v", sku, err)
		}
	}
}
