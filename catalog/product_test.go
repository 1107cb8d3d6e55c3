package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func fullProduct() ProductInput {
	return ProductInput{
		SKU: "85123A", Name: ptr("White hanging heart"), Category: ptr("decoration"), Price: ptr(Amount(25500)), Currency: ptr("gbp"),
		URL: ptr("https://shop.example/85123A"), ImageURL: ptr("https://shop.example/85123A.jpg"), InStock: ptr(false),
		Attributes: map[string]any{"colour": "white", "sizes": []any{"S", "L"}},
	}
}

func TestUpsertProduct(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()

	created, change, err := UpsertProduct(ctx, pool, monday, fullProduct())
	if err != nil || change != Created {
		t.Fatalf("first: %s, %v", change, err)
	}
	want := Product{
		ID: created.ID, SKU: "85123A", Name: "White hanging heart", Category: "decoration", Price: ptr(Amount(25500)), Currency: "GBP",
		URL: "https://shop.example/85123A", ImageURL: "https://shop.example/85123A.jpg", InStock: false,
		Attributes: map[string]any{"colour": "white", "sizes": []any{"S", "L"}}, CreatedAt: monday, UpdatedAt: monday,
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Fatal(diff)
	}

	before := rowVersions(t, pool)
	for _, same := range []ProductInput{fullProduct(), {SKU: " 85123A "}, {SKU: "85123A", Attributes: map[string]any{"colour": "white", "none": nil}}} {
		again, change, err := UpsertProduct(ctx, pool, tuesday, same)
		if err != nil || change != Unchanged {
			t.Fatalf("again: %s, %v", change, err)
		}
		if diff := cmp.Diff(created, again); diff != "" {
			t.Fatal(diff)
		}
	}
	if after := rowVersions(t, pool); after != before {
		t.Fatalf("the same product was written again:\n%s\n%s", before, after)
	}

	changed, change, err := UpsertProduct(ctx, pool, tuesday, ProductInput{
		SKU: "85123A", Name: ptr(""), InStock: ptr(true), Attributes: map[string]any{"colour": nil, "weight": 2.5}})
	if err != nil || change != Updated {
		t.Fatalf("changed: %s, %v", change, err)
	}
	want.Name, want.InStock, want.UpdatedAt = "", true, tuesday
	want.Attributes = map[string]any{"sizes": []any{"S", "L"}, "weight": 2.5}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Fatal(diff)
	}

	bare, _, err := UpsertProduct(ctx, pool, monday, ProductInput{SKU: "POST", Attributes: map[string]any{"gone": nil}})
	if err != nil || bare.Price != nil || !bare.InStock || len(bare.Attributes) != 0 {
		t.Fatalf("bare: %+v, %v", bare, err)
	}
}

func TestProductChecks(t *testing.T) {
	t.Parallel()
	deep := map[string]any{}
	for range 20 {
		deep = map[string]any{"a": deep}
	}
	for _, c := range []struct {
		name   string
		change func(*ProductInput)
		want   string
	}{
		{"good", func(*ProductInput) {}, "(no error)"},
		{"no sku", func(p *ProductInput) { p.SKU = "  " }, "sku"},
		{"NUL", func(p *ProductInput) { p.SKU = "a\x00b" }, "sku"},
		{"long sku", func(p *ProductInput) { p.SKU = strings.Repeat("ä", 201) }, "sku"},
		{"sku at the limit", func(p *ProductInput) { p.SKU = strings.Repeat("ä", 200) }, "(no error)"},
		{"line break in a name", func(p *ProductInput) { p.Name = ptr("a\r\nBcc: x") }, "name"},
		{"not UTF-8", func(p *ProductInput) { p.Category = ptr("caf\xe9") }, "category"},
		{"negative price", func(p *ProductInput) { p.Price = ptr(Amount(-1)) }, "price"},
		{"huge price", func(p *ProductInput) { p.Price = ptr(maxAmount + 1) }, "price"},
		{"currency", func(p *ProductInput) { p.Currency = ptr("EURO") }, "currency"},
		{"currency sign", func(p *ProductInput) { p.Currency = ptr("€") }, "currency"},
		{"script", func(p *ProductInput) { p.URL = ptr("javascript:alert(1)") }, "url"},
		{"relative", func(p *ProductInput) { p.ImageURL = ptr("/a.jpg") }, "image_url"},
		{"no url", func(p *ProductInput) { p.URL = ptr("") }, "(no error)"},
		{"large attributes", func(p *ProductInput) { p.Attributes = map[string]any{"a": strings.Repeat("x", 64<<10)} }, "attributes"},
		{"NUL in attributes", func(p *ProductInput) { p.Attributes = map[string]any{"a": []string{"\x00"}} }, "attributes"},
		{"unnamed attribute", func(p *ProductInput) { p.Attributes = map[string]any{"": 1} }, "attributes"},
		{"attributes that are no JSON", func(p *ProductInput) { p.Attributes = map[string]any{"a": func() {}} }, "attributes"},
		{"deep attributes", func(p *ProductInput) { p.Attributes = deep }, "attributes"},
		{"several", func(p *ProductInput) { p.SKU, p.Price, p.URL = "", ptr(Amount(-1)), ptr("x") }, "sku price url"},
	} {
		in := fullProduct()
		c.change(&in)
		_, err := in.check()
		if got := fields(err); got != c.want {
			t.Errorf("%s: wrong fields %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUpsertProducts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	if _, _, err := UpsertProduct(ctx, pool, monday, ProductInput{SKU: "old", Name: ptr("Old")}); err != nil {
		t.Fatal(err)
	}
	results, err := UpsertProducts(ctx, pool, tuesday, []ProductInput{
		{SKU: "new", Name: ptr("New")},
		{SKU: "", Name: ptr("nameless")},
		{SKU: "old", Name: ptr("Old")},
		{SKU: "new", Category: ptr("things")},
		{SKU: "new", Name: ptr("Newer")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, r := range results {
		if r.Index != i {
			t.Errorf("result %d says index %d", i, r.Index)
		}
		got = append(got, fmt.Sprintf("%s:%s:%v", r.ID, r.Change, r.Error))
	}
	want := "new:created:<nil> ::sku: is missing old:unchanged:<nil> new:updated:<nil> new:updated:<nil>"
	if strings.Join(got, " ") != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	product, err := ProductBySKU(ctx, pool, "new")
	if err != nil || product.Name != "Newer" || product.Category != "things" {
		t.Errorf("%+v, %v", product, err)
	}
	if _, err := UpsertProducts(ctx, pool, tuesday, make([]ProductInput, MaxBatch+1)); err == nil {
		t.Error("a batch that is too large was taken")
	}
}

func TestUpsertProductsAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	var wg sync.WaitGroup
	for writer := range 8 {
		wg.Go(func() {
			var batch []ProductInput
			for i := range 40 { // half of them start at the other end, which would deadlock without an order
				n := i
				if writer%2 == 1 {
					n = 39 - i
				}
				batch = append(batch, ProductInput{SKU: fmt.Sprint("sku", n), Name: ptr(fmt.Sprint("writer ", writer)),
					Attributes: map[string]any{fmt.Sprint("from", writer): true}})
			}
			results, err := UpsertProducts(ctx, pool, monday, batch)
			if err != nil {
				t.Errorf("writer %d: %v", writer, err)
			}
			for _, r := range results {
				if r.Error != nil {
					t.Errorf("writer %d: %v", writer, r.Error)
				}
			}
		})
	}
	wg.Wait()
	products, _, err := ListProducts(ctx, pool, ProductFilter{})
	if err != nil || len(products) != 40 {
		t.Fatalf("%d products, %v", len(products), err)
	}
	for _, p := range products {
		if len(p.Attributes) != 8 {
			t.Errorf("%s lost a writer's attribute: %v", p.SKU, p.Attributes)
		}
	}
}

func TestProductBySKUNotFound(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for _, sku := range []string{"none", "", "a\x00b", "\xff"} {
		var notFound *fault.NotFound
		if _, err := ProductBySKU(context.Background(), pool, sku); !errors.As(err, &notFound) {
			t.Errorf("ProductBySKU(%q) = %v", sku, err)
		}
	}
}

func TestListProducts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	var batch []ProductInput
	for i := range 7 {
		batch = append(batch, ProductInput{SKU: fmt.Sprint("S", i), Name: ptr(fmt.Sprint("Lamp 10", "0%_"[i%3:i%3+1])), Category: ptr([]string{"a", "b"}[i%2]), InStock: ptr(i%3 != 0)})
	}
	if _, err := UpsertProducts(ctx, pool, monday, batch); err != nil {
		t.Fatal(err)
	}
	list := func(f ProductFilter) string {
		t.Helper()
		var pages []string
		for {
			products, next, err := ListProducts(ctx, pool, f)
			if err != nil {
				t.Fatal(err)
			}
			page := ""
			for _, p := range products {
				page += p.SKU
			}
			pages = append(pages, page)
			if next == 0 {
				return strings.Join(pages, "|")
			}
			f.Cursor = next
		}
	}
	for _, c := range []struct {
		filter ProductFilter
		want   string
	}{
		{ProductFilter{}, "S0S1S2S3S4S5S6"},
		{ProductFilter{Limit: 3}, "S0S1S2|S3S4S5|S6"},
		{ProductFilter{Limit: 7}, "S0S1S2S3S4S5S6"},
		{ProductFilter{Category: "b", Limit: 2}, "S1S3|S5"},
		{ProductFilter{Query: "s4"}, "S4"},
		{ProductFilter{Query: "lamp 10%"}, "S1S4"}, // the sign, not "anything"
		{ProductFilter{Query: "10_"}, "S2S5"},
		{ProductFilter{Query: "none"}, ""},
		{ProductFilter{InStock: ptr(false)}, "S0S3S6"},
		{ProductFilter{InStock: ptr(true), Category: "b"}, "S1S5"},
		{ProductFilter{Query: "\x00"}, ""},
	} {
		if got := list(c.filter); got != c.want {
			t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
		}
	}
}
