package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

const ordersHeader = "order_id,contact_external_id,placed_at,sku,quantity,unit_price,currency,status\n"

// A file as messy as real ones: orders 1, 2 and 6 are scattered, the times within
// them differ, and the rows that end in a remark are rejected.
const messyOrders = ordersHeader +
	"1,anna,2026-03-01T10:02:00Z,tea,2,1.50,EUR,placed\n" + // line 2
	"2,ben,2026-03-01,cup,1,0,gbp,paid\n" +
	"1,anna,2026-03-01 10:01:00,pot,1,20,EUR,placed\n" +
	"3,nobody,2026-03-01,tea,1,1,EUR,placed\n" + // 5: unknown contact
	"3,nobody,2026-03-01,cup,1,1,EUR,placed\n" + // 6: unknown contact
	"6,anna,2026-03-01,tea,1,1,EUR,placed\n" + // 7: good, but not its order
	"6,ben,2026-03-01,tea,1,1,USD,placed\n" + // 8: another contact
	"C4,ben,2026-03-02T08:00:00+01:00,cup,-1.000,4.2,,cancelled\n" +
	"5,anna,2026-03-01,,1,1,EUR,placed\n" + // 10: no sku
	"5,anna,03/01/2026,tea,1,1,EUR,placed\n" + // 11: time
	"5,anna,2026-03-01,tea,1.5,1,EUR,placed\n" + // 12: quantity
	"5,anna,2026-03-01,tea,1,\"1,50\",EUR,placed\n" + // 13: price
	"5,anna,2026-03-01,tea,1,1,EURO,placed\n" + // 14: currency
	"5,anna,2026-03-01,tea,1,1,EUR,shipped\n" + // 15: status
	",anna,2026-03-01,tea,1,1,EUR,placed\n" + // 16: no order id
	"1,anna,2026-03-01 10:03:00,tea,1,1.5,,refunded\n" +
	"2,ben,2026-03-01,cup,1,0,GBP,paid\n" +
	"6,anna,2026-03-01,tea,1,1,USD,placed\n" // 19: another currency

func importOrders(t testing.TB, pool *pgxpool.Pool, now time.Time, file string) csvimport.Summary {
	t.Helper()
	summary, err := ImportOrders(context.Background(), pool, strings.NewReader(file), ImportOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func TestImportOrders(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	addContacts(t, pool, "anna", "ben")
	var rejects bytes.Buffer
	opts := ImportOptions{Now: monday, Options: csvimport.Options{Rejects: &rejects}}
	summary, err := ImportOrders(ctx, pool, strings.NewReader(messyOrders), opts)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range summary.Rejects {
		got[fmt.Sprint(r.Line)] = r.Field
		if r.Reason == "" || !strings.Contains(rejects.String(), r.Reason) {
			t.Errorf("line %d: the reason %q is not in the rejects' file", r.Line, r.Reason)
		}
	}
	want := map[string]string{
		"5": "contact_external_id", "6": "contact_external_id", "7": "order_id", "8": "contact_external_id", "19": "currency", "10": "sku", "11": "placed_at",
		"12": "quantity", "13": "unit_price", "14": "currency", "15": "status", "16": "order_id",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	summary.Rejects = nil
	if diff := cmp.Diff(csvimport.Summary{Rows: 18, Created: 3, Rejected: 12}, summary); diff != "" {
		t.Error(diff)
	}

	for _, want := range []OrderInput{
		{"1", "anna", time.Date(2026, 3, 1, 10, 1, 0, 0, time.UTC), "EUR", Refunded, []Item{{"tea", 2, 15000, ""}, {"pot", 1, 200000, ""}, {"tea", 1, 15000, ""}}},
		{"2", "ben", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "GBP", Paid, []Item{{"cup", 1, 0, ""}, {"cup", 1, 0, ""}}},
		{"C4", "ben", time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC), "", Cancelled, []Item{{"cup", -1, 42000, ""}}},
	} {
		o, err := OrderByID(ctx, pool, want.OrderID)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, OrderInput{o.OrderID, o.ContactExternalID, o.PlacedAt, o.Currency, o.Status, o.Items}); diff != "" {
			t.Error(diff)
		}
	}

	before := rowVersions(t, pool)
	again := importOrders(t, pool, tuesday, messyOrders)
	again.Rejects = nil
	if diff := cmp.Diff(csvimport.Summary{Rows: 18, Unchanged: 3, Rejected: 12}, again); diff != "" {
		t.Error(diff)
	}
	if after := rowVersions(t, pool); after != before {
		t.Errorf("the second import wrote:\n%s\n%s", before, after)
	}

	changed := importOrders(t, pool, tuesday, strings.Replace(messyOrders, "pot,1,20", "pot,2,20", 1))
	if changed.Updated != 1 || changed.Unchanged != 2 {
		t.Errorf("%+v", changed)
	}
}

// An order with a row that cannot be taken stays as it is, wherever the row stands
// and whatever is wrong with it, and all its rows, mended, can be imported.
func TestImportLeavesOrdersWithARejectedRow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, good, bad string // one row, as it should be and as it is
		field           string
	}{
		{"quantity", "1,anna,2026-03-01,bad,7,1,EUR,", "1,anna,2026-03-01,bad,seven,1,EUR,", "quantity"},
		{"contact", "1,anna,2026-03-01,bad,7,1,EUR,", "1,ben,2026-03-01,bad,7,1,EUR,", "contact_external_id"},
		{"currency", "1,anna,2026-03-01,bad,7,1,EUR,", "1,anna,2026-03-01,bad,7,1,USD,", "currency"},
		{"columns", "1,anna,2026-03-01,bad,7,1.50,EUR,x", "1,anna,2026-03-01,bad,7,1,50,EUR,x", ""},
		{"control character", "1,anna,2026-03-01,bad,7,1,EUR,", "1,anna,2026-03-01,b\x00ad,7,1,EUR,", "sku"},
		{"long row", "1,anna,2026-03-01,bad,7,1,EUR," + strings.Repeat("x", maxCells), "1,anna,2026-03-01,bad,,1,EUR," + strings.Repeat("x", maxCells), "quantity"},
	} {
		for place, order := range map[string][]string{
			"first":     {c.bad, "1,anna,2026-03-01,tea,2,1,EUR,", "2,anna,2026-03-01,tea,1,1,EUR,", "1,anna,2026-03-01,pot,1,20,EUR,"},
			"scattered": {"1,anna,2026-03-01,tea,2,1,EUR,", "2,anna,2026-03-01,tea,1,1,EUR,", c.bad, "3,anna,2026-03-01,tea,1,1,EUR,", "1,anna,2026-03-01,pot,1,20,EUR,"},
			"last":      {"1,anna,2026-03-01,tea,2,1,EUR,", "1,anna,2026-03-01,pot,1,20,EUR,", "2,anna,2026-03-01,tea,1,1,EUR,", c.bad},
		} {
			t.Run(c.name+" "+place, func(t *testing.T) {
				t.Parallel()
				if place == "first" && (c.name == "contact" || c.name == "currency") {
					t.Skip("the first row of an order says what the others must agree with")
				}
				pool := pgtest.New(t)
				addContacts(t, pool, "anna", "ben")
				const header = "order_id,contact_external_id,placed_at,sku,quantity,unit_price,currency,remark\n"
				file := header + strings.Join(order, "\n") + "\n"
				others := int64(len(order) - 3)

				// Not there yet, it is not created; there, it is not changed.
				var rejects bytes.Buffer
				sum, err := ImportOrders(context.Background(), pool, strings.NewReader(file), ImportOptions{Now: monday, Options: csvimport.Options{Rejects: &rejects}})
				if err != nil || sum.Created != others || sum.Rejected != 3 {
					t.Fatalf("%+v, %v", sum, err)
				}
				line := 0
				for i, row := range order {
					if row == c.bad {
						line = i + 2
					}
				}
				for _, r := range sum.Rejects {
					blames := strings.Contains(r.Reason, fmt.Sprintf("line %d of the same order was rejected", line))
					if r.Line == line && (r.Field != c.field || blames) || r.Line != line && (r.Field != "order_id" || !blames) {
						t.Errorf("%+v", r)
					}
				}
				if _, err := OrderByID(context.Background(), pool, "1"); err == nil {
					t.Error("the order was created without one of its rows")
				}
				importOrders(t, pool, monday, ordersHeader+"1,anna,2025-01-01,old,1,1,EUR,paid\n")
				before := rowVersions(t, pool)
				if sum := importOrders(t, pool, tuesday, file); sum.Unchanged != others || sum.Rejected != 3 {
					t.Errorf("%+v", sum)
				}
				if after := rowVersions(t, pool); after != before {
					t.Errorf("it wrote:\n%s\n%s", before, after)
				}

				// The rejected rows as they are change nothing; mended, they are the whole order.
				asTheyAre := rejects.String()
				if sum := importOrders(t, pool, tuesday, asTheyAre); sum.Rejected != 3 || sum.Updated+sum.Created+sum.Unchanged != 0 || rowVersions(t, pool) != before {
					t.Errorf("rejected rows as they are: %+v\n%s", sum, asTheyAre)
				}
				list, err := csv.NewReader(strings.NewReader(asTheyAre)).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				var mended strings.Builder
				w := csv.NewWriter(&mended)
				for _, row := range list {
					if n := len(row) - 4; row[n] == fmt.Sprint(line) {
						good, err := csv.NewReader(strings.NewReader(c.good)).Read()
						if err != nil {
							t.Fatal(err)
						}
						row = append(good, make([]string, len(row)-len(good))...)
					}
					_ = w.Write(row)
				}
				w.Flush()
				if sum := importOrders(t, pool, tuesday, mended.String()); sum.Updated != 1 || sum.Rejected != 0 {
					t.Errorf("%+v", sum)
				}
				before = rowVersions(t, pool)
				sum = importOrders(t, pool, tuesday, strings.Replace(file, c.bad, c.good, 1))
				if sum.Unchanged != others+1 || sum.Rejected != 0 || rowVersions(t, pool) != before {
					t.Errorf("the mended file changed something: %+v", sum)
				}
				if o, err := OrderByID(context.Background(), pool, "1"); err != nil || len(o.Items) != 3 {
					t.Errorf("%+v, %v", o, err)
				}
			})
		}
	}
}

// A row that does not say which order it belongs to is rejected alone, and says so
// where it cannot be told. One with broken quotes behind its order id keeps the order.
func TestImportRejectsAloneWhatNamesNoOrder(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	addContacts(t, pool, "anna")
	sum := importOrders(t, pool, monday, ordersHeader+
		"1,anna,2026-03-01,tea,1,1,EUR,\n"+
		"\"1\"x,anna,2026-03-01,tea,1,1,EUR,\n"+
		",anna,2026-03-01,tea,1,1,EUR,\n"+
		"1\x07,anna,2026-03-01,tea,1,1,EUR,\n"+
		"2,anna,2026-03-01,tea,1,1,EUR,\n"+
		"2,anna,2026-03-01,\"te\"a,1,1,EUR,\n")
	if sum.Created != 1 || sum.Rejected != 5 {
		t.Errorf("%+v", sum)
	}
	for _, r := range sum.Rejects {
		if strings.Contains(r.Reason, "mend it in the file it came from") != (r.Line == 3) {
			t.Errorf("%+v", r)
		}
	}
}

// More orders and items than are written at a time, in an order that tears every
// one of them apart.
func TestImportManyOrders(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	addContacts(t, pool, "anna")
	const orders, lines = 2*maxImportOrders + 7, 12
	var file bytes.Buffer
	zip := gzip.NewWriter(&file)
	fmt.Fprint(zip, ordersHeader)
	for line := range lines {
		for order := range orders {
			fmt.Fprintf(zip, "%d,anna,2026-03-01,sku%d,%d,0.5,EUR,placed\n", order, line, line+1)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	data := file.Bytes()

	// Broken off, the file changes nothing.
	if _, err := ImportOrders(context.Background(), pool, bytes.NewReader(data[:len(data)/2]), ImportOptions{Now: monday}); err == nil {
		t.Error("half a file was taken")
	}
	if state := rowVersions(t, pool); state != "" {
		t.Error("half a file was imported")
	}

	for i, want := range []csvimport.Summary{{Rows: orders * lines, Created: orders}, {Rows: orders * lines, Unchanged: orders}} {
		got, err := ImportOrders(context.Background(), pool, bytes.NewReader(data), ImportOptions{Now: monday})
		if err != nil {
			t.Fatal(err)
		}
		got.Rejects = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("import %d: %s", i, diff)
		}
	}
	var good int
	if err := pool.QueryRow(context.Background(), `
		SELECT count(*) FROM orders AS o
		WHERE total = 39 AND 'sku0,sku1,sku2,sku3,sku4,sku5,sku6,sku7,sku8,sku9,sku10,sku11' =
		      (SELECT string_agg(sku, ',' ORDER BY line) FROM order_items WHERE order_id = o.id AND quantity = line)`).Scan(&good); err != nil || good != orders {
		t.Errorf("%d orders are right, want %d (%v)", good, orders, err)
	}
}

func TestImportOrderOfTooManyItems(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	addContacts(t, pool, "anna")
	file := ordersHeader + strings.Repeat("1,anna,2026-03-01,tea,1,1,EUR,placed\n", maxItems+3) + "2,anna,2026-03-01,tea,1,1,EUR,placed\n"
	got := importOrders(t, pool, monday, file)
	if got.Created != 1 || got.Rejected != maxItems+3 {
		t.Errorf("%+v", got)
	}
	// Each item is good, but they add up to more than there is.
	file = ordersHeader + strings.Repeat("3,anna,2026-03-01,tea,1,99999999999999,EUR,placed\n", 2)
	got = importOrders(t, pool, monday, file)
	if got.Created != 0 || got.Rejected != 2 {
		t.Errorf("%+v", got)
	}
}

func TestImportNeedsItsColumns(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	var invalid *fault.Invalid
	_, err := ImportOrders(ctx, pool, strings.NewReader("order_id,sku\n1,2\n"), ImportOptions{Now: monday})
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "contact_external_id") {
		t.Errorf("orders: %v", err)
	}
	_, err = ImportProducts(ctx, pool, strings.NewReader("name,price\na,2\n"), ImportOptions{Now: monday})
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "sku") {
		t.Errorf("products: %v", err)
	}
	for name, file := range map[string]string{"no rows": ordersHeader, "few columns": "order_id,contact_external_id,placed_at,sku,quantity,unit_price\n"} {
		if summary, err := ImportOrders(ctx, pool, strings.NewReader(file), ImportOptions{Now: monday}); err != nil || summary.Rows != 0 {
			t.Errorf("%s: %+v, %v", name, summary, err)
		}
	}
}

func TestImportNeedsTwoConnections(t *testing.T) {
	t.Parallel()
	config := pgtest.New(t).Config()
	config.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := ImportOrders(context.Background(), pool, strings.NewReader(messyOrders), ImportOptions{Now: monday}); err == nil || !strings.Contains(err.Error(), "pool_max_conns") {
		t.Error(err)
	}
}

// Imports of the same file at once, in a pool that could not give each two connections.
func TestImportsAtOnce(t *testing.T) {
	t.Parallel()
	config := pgtest.New(t).Config()
	config.MaxConns = 3
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	addContacts(t, pool, "anna", "ben")
	var wg sync.WaitGroup
	var created, unchanged [5]int64
	for i := range created {
		wg.Go(func() {
			summary, err := ImportOrders(context.Background(), pool, strings.NewReader(messyOrders), ImportOptions{Now: monday})
			if err != nil {
				t.Error(err)
			}
			created[i], unchanged[i] = summary.Created, summary.Unchanged
		})
	}
	wg.Wait()
	var sum [2]int64
	for i := range created {
		sum[0] += created[i]
		sum[1] += unchanged[i]
	}
	if sum != [2]int64{3, 12} {
		t.Errorf("created and unchanged: %v", sum)
	}
}

func TestImportProducts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	const file = "SKU,name,category,price,currency,url,in_stock,Roast\n" +
		"tea,Tea,drinks,1.50,eur,https://shop.example/tea,yes,\n" +
		"mug,\"Mug, blue\",,,,,0,\n" +
		"bad1,Bad,,-1,,,,\n" + // line 4
		"bad2,Bad,,1,,javascript:x,,\n" +
		"bad3,Bad,,1,,,perhaps,\n" +
		",Bad,,1,,,,\n" +
		"coffee,Coffee, hot drinks ,9,EUR,,,dark\n" +
		"tea,Green tea,drinks,1.75,,,,light\n"
	summary, err := ImportProducts(ctx, pool, strings.NewReader(file), ImportOptions{Now: monday})
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	for _, r := range summary.Rejects {
		got[r.Line] = r.Field
	}
	if diff := cmp.Diff(map[int]string{4: "price", 5: "url", 6: "in_stock", 7: "sku"}, got); diff != "" {
		t.Error(diff)
	}
	summary.Rejects = nil
	if diff := cmp.Diff(csvimport.Summary{Rows: 8, Created: 3, Rejected: 4}, summary); diff != "" {
		t.Error(diff)
	}
	for _, want := range []Product{
		{SKU: "tea", Name: "Green tea", Category: "drinks", Price: ptr(Amount(17500)), InStock: true, Attributes: map[string]any{"Roast": "light"}},
		{SKU: "mug", Name: "Mug, blue", InStock: false, Attributes: map[string]any{}},
		{SKU: "coffee", Name: "Coffee", Category: "hot drinks", Price: ptr(Amount(90000)), Currency: "EUR", InStock: true, Attributes: map[string]any{"Roast": "dark"}},
	} {
		p, err := ProductBySKU(ctx, pool, want.SKU)
		if err != nil {
			t.Error(err)
			continue
		}
		want.ID, want.CreatedAt, want.UpdatedAt = p.ID, monday, monday
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
	}
	before := rowVersions(t, pool)
	again, err := ImportProducts(ctx, pool, strings.NewReader(file), ImportOptions{Now: tuesday})
	if err != nil || again.Unchanged != 3 || again.Created+again.Updated != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	if after := rowVersions(t, pool); after != before {
		t.Errorf("the second import wrote:\n%s\n%s", before, after)
	}
	// An empty cell leaves what is known.
	empty, err := ImportProducts(ctx, pool, strings.NewReader("sku,name,price\ntea,,\n"), ImportOptions{Now: tuesday})
	if err != nil || empty.Unchanged != 1 {
		t.Errorf("%+v, %v", empty, err)
	}
}

// docs/import.md lists the columns with their synonyms.
func TestImportColumnsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	for title, columns := range map[string][]csvimport.Column{"Orders": orderFields, "Products": productFields} {
		_, section, _ := strings.Cut(string(doc), "\n## "+title+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		var want, got []string
		for _, c := range columns {
			required := ""
			if c.Required {
				required = "yes"
			}
			want = append(want, strings.Join([]string{"`" + c.Name + "`", "`" + strings.Join(c.Synonyms, "`, `") + "`", required}, "|"))
		}
		for _, line := range strings.Split(section, "\n") {
			if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") {
				got = append(got, strings.TrimSpace(cells[1])+"|"+strings.TrimSpace(cells[2])+"|"+strings.TrimSpace(cells[3]))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", title, diff)
		}
	}
}

// Whatever follows the header, the import answers with a summary that adds up or with
// an error that can be mended, what it wrote is sound, and the same file again
// changes nothing.
func FuzzImportOrders(f *testing.F) {
	f.Add([]byte(strings.TrimPrefix(messyOrders, ordersHeader)))
	f.Add([]byte("1,anna,2026-03-01,\"tea,1,1,EUR,placed\n2,anna,2026-03-01,tea,1,1,EUR,placed\n"))
	f.Add([]byte("1,anna,2026-03-01,caf\xe9,1,1,EUR,placed\n"))
	f.Add([]byte("1,anna,2026-03-01,\x00,1e9,1e-4,EUR\n1,anna\n"))
	f.Add([]byte("1,anna,0001-01-01,a,99999999999,1,,\n1,anna,9999-12-31,a,1,-99999999999999.9999,,\n"))
	pool := pgtest.New(f)
	addContacts(f, pool, "anna", "ben")
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, body []byte) {
		file := append([]byte(ordersHeader), body...)
		if _, err := pool.Exec(ctx, `DELETE FROM orders`); err != nil {
			t.Fatal(err)
		}
		first, err := ImportOrders(ctx, pool, bytes.NewReader(file), ImportOptions{Now: monday})
		if err != nil {
			var invalid *fault.Invalid
			var list fault.List
			if !errors.As(err, &invalid) && !errors.As(err, &list) {
				t.Fatalf("%q: %v", file, err)
			}
			return
		}
		var orders, items int64
		var sound bool
		if err := pool.QueryRow(ctx, `
			SELECT count(*), COALESCE(sum(i.n), 0), COALESCE(bool_and(i.total = o.total AND i.last = i.n), true)
			FROM orders AS o CROSS JOIN LATERAL (
				SELECT count(*) AS n, max(line) AS last, sum(quantity * unit_price) AS total FROM order_items WHERE order_id = o.id) AS i`).
			Scan(&orders, &items, &sound); err != nil {
			t.Fatal(err)
		}
		if !sound || first.Created != orders || first.Rows != items+first.Rejected || first.Updated+first.Unchanged != 0 {
			t.Fatalf("%q: %+v; %d orders, %d items, sound: %v", file, first, orders, items, sound)
		}
		before := rowVersions(t, pool)
		again, err := ImportOrders(ctx, pool, bytes.NewReader(file), ImportOptions{Now: tuesday})
		if err != nil || again.Unchanged != orders || again.Created+again.Updated != 0 || again.Rejected != first.Rejected || rowVersions(t, pool) != before {
			t.Fatalf("%q again: %+v, %v", file, again, err)
		}
	})
}
