package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// productFields are the columns ImportProducts knows.
var productFields = []csvimport.Column{
	{Name: "sku", Required: true, Synonyms: []string{"product_sku", "product_id", "stock_code", "product_code", "article_no", "artikelnummer", "artikel_nr", "art_nr", "produktnummer"}},
	{Name: "name", Synonyms: []string{"product_name", "title", "bezeichnung", "artikelname", "artikelbezeichnung", "produktname", "titel"}},
	{Name: "category", Synonyms: []string{"product_category", "product_type", "kategorie", "warengruppe", "produktgruppe"}},
	{Name: "price", Synonyms: []string{"unit_price", "preis", "verkaufspreis"}},
	{Name: "currency", Synonyms: []string{"currency_code", "währung", "waehrung"}},
	{Name: "url", Synonyms: []string{"product_url", "link", "produktlink"}},
	{Name: "image_url", Synonyms: []string{"image", "image_link", "bild", "bild_url", "bildlink"}},
	{Name: "in_stock", Synonyms: []string{"availability", "verfügbar", "verfuegbar", "lieferbar", "auf_lager", "lagernd"}},
}

// maxImportProducts is how many products are written at a time.
const maxImportProducts = 5_000

// ImportProducts reads products from CSV, plain or gzipped, one row each:
//
//	sku, name, category, price, currency, url, image_url, in_stock
//
// Only sku must be there. An empty cell leaves what is known as it is, as does a
// column that is missing. Any other column becomes an attribute, a text under the
// column's header. Of several rows with one sku the last one counts.
//
// In the summary, Rows and Rejected count rows; Created, Updated and Unchanged
// count products. A file that cannot be read to its end changes nothing; an
// import that is broken off later can simply be run again.
func ImportProducts(ctx context.Context, pool *pgxpool.Pool, r io.Reader, opts ImportOptions) (csvimport.Summary, error) {
	in, err := csvimport.Open(r, opts.Options, productFields)
	if err != nil {
		return csvimport.Summary{}, err
	}
	imp := &productImport{pool: pool, in: in, now: opts.Now, wrote: opts.Wrote, counts: counts{}}
	err = imp.run(ctx)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	summary := in.Summary()
	imp.counts.addTo(&summary)
	if err == nil && summary.Created+summary.Updated > 0 {
		err = postgres.Analyze(ctx, pool, "products")
	}
	if err != nil {
		err = fmt.Errorf("import products: %w", err)
	}
	return summary, err
}

func (imp *productImport) run(ctx context.Context) error {
	return staged(ctx, imp.pool, `
		CREATE TEMPORARY TABLE import_products (
			line integer, sku text, name text, category text, price numeric, currency text,
			url text, image_url text, in_stock boolean, attributes jsonb
		) ON COMMIT DROP`,
		func(tx pgx.Tx) error {
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"import_products"},
				[]string{"line", "sku", "name", "category", "price", "currency", "url", "image_url", "in_stock", "attributes"},
				pgx.CopyFromFunc(imp.next))
			if imp.broken != nil {
				return imp.broken
			}
			return err
		}, `
		SELECT DISTINCT ON (sku COLLATE "C") sku, name, category, price, currency, url, image_url, in_stock, attributes
		FROM import_products
		ORDER BY sku COLLATE "C", line DESC`,
		func(rows pgx.Rows) error { return imp.write(ctx, rows) })
}

type productImport struct {
	pool   *pgxpool.Pool
	in     *csvimport.File
	now    time.Time
	wrote  func(context.Context, pgx.Tx, csvimport.Counts) error
	counts counts
	batch  []ProductInput

	broken error // why the file could not be read to its end; COPY tells less
}

// next returns the next good row for COPY, nil at the end.
func (imp *productImport) next() ([]any, error) {
	for {
		in, err := imp.in.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			imp.broken = err
			return nil, err
		}
		p, err := parseProduct(in)
		if err != nil {
			imp.in.RejectFault(in, err)
			continue
		}
		return []any{in.Line, p.SKU, p.Name, p.Category, p.Price, p.Currency, p.URL, p.ImageURL, p.InStock, p.attributes}, nil
	}
}

// parseProduct reads one row.
func parseProduct(row csvimport.Row) (checkedProduct, error) {
	given := func(field string) *string {
		if s := row.Get(field); s != "" {
			return &s
		}
		return nil
	}
	var wrong fault.List
	in := ProductInput{
		SKU: row.Get("sku"), Name: given("name"), Category: given("category"), Currency: given("currency"),
		URL: given("url"), ImageURL: given("image_url"),
	}
	if s := given("price"); s != nil {
		price := parseAmount(&wrong, "price", *s)
		in.Price = &price
	}
	if s := given("in_stock"); s != nil {
		in.InStock = parseBool(&wrong, "in_stock", *s)
	}
	for header, value := range row.Extra() {
		if in.Attributes == nil {
			in.Attributes = map[string]any{}
		}
		in.Attributes[header] = value
	}
	if err := wrong.Err(); err != nil {
		return checkedProduct{}, err
	}
	return in.check()
}

func parseBool(wrong *fault.List, field, s string) *bool {
	yes, no := true, false
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1", "in stock", "in_stock", "ja", "j", "wahr":
		return &yes
	case "false", "f", "no", "n", "0", "out of stock", "out_of_stock", "nein", "falsch":
		return &no
	}
	wrong.Add(field, "is not yes or no (true, false, 1 and 0 are understood too)")
	return nil
}

// write reads the rows back and writes the products.
func (imp *productImport) write(ctx context.Context, rows pgx.Rows) error {
	for rows.Next() {
		var p ProductInput
		if err := rows.Scan(&p.SKU, &p.Name, &p.Category, &p.Price, &p.Currency, &p.URL, &p.ImageURL, &p.InStock, &p.Attributes); err != nil {
			return err
		}
		if imp.batch = append(imp.batch, p); len(imp.batch) == maxImportProducts {
			if err := imp.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return imp.flush(ctx)
}

func (imp *productImport) flush(ctx context.Context) error {
	results, err := upsertProducts(ctx, imp.pool, imp.now, imp.batch, func(tx pgx.Tx, results []ItemResult) error {
		return wrote(ctx, tx, imp.wrote, results)
	})
	if err != nil {
		return err
	}
	for _, result := range results {
		if result.Error != nil { // it passed the same checks before
			return result.Error
		}
		imp.counts[result.Change]++
	}
	imp.in.Stored(int64(len(results)))
	imp.batch = imp.batch[:0]
	return nil
}
