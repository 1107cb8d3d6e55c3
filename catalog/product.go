package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Product is something the shop sells.
type Product struct {
	ID         int64          `json:"-" db:"id"`
	SKU        string         `json:"sku" db:"sku"` // the shop's id
	Name       string         `json:"name" db:"name"`
	Category   string         `json:"category" db:"category"` // as the shop writes it; '' where unknown
	Price      *Amount        `json:"price" db:"price"`       // nil where unknown
	Currency   string         `json:"currency" db:"currency"` // three letters or ''
	URL        string         `json:"url" db:"url"`
	ImageURL   string         `json:"image_url" db:"image_url"`
	InStock    bool           `json:"in_stock" db:"in_stock"`
	Attributes map[string]any `json:"attributes" db:"attributes"`
	CreatedAt  time.Time      `json:"created_at" db:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at" db:"updated_at"`
}

// ProductInput is what is known about a product. A nil field is left as it is (at
// its zero value in a new product, InStock at true). Attributes are merged by
// name; one that is nil is deleted.
type ProductInput struct {
	SKU        string         `json:"sku"`
	Name       *string        `json:"name,omitempty"`
	Category   *string        `json:"category,omitempty"`
	Price      *Amount        `json:"price,omitempty"` // not negative
	Currency   *string        `json:"currency,omitempty"`
	URL        *string        `json:"url,omitempty"`       // http or https
	ImageURL   *string        `json:"image_url,omitempty"` // http or https
	InStock    *bool          `json:"in_stock,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// checkedProduct is a ProductInput that passed.
type checkedProduct struct {
	ProductInput
	attributes []byte // JSON, nil for none
}

func (in ProductInput) check() (checkedProduct, error) {
	var wrong fault.List
	out := checkedProduct{ProductInput: in}
	out.SKU = check.Required(&wrong, "sku", in.SKU, maxKey)
	out.Name = check.Optional(&wrong, "name", in.Name, maxName)
	out.Category = check.Optional(&wrong, "category", in.Category, maxCategory)
	if in.Price != nil && (*in.Price < 0 || !in.Price.valid()) {
		wrong.Add("price", "is not between 0 and %s", maxAmount)
	}
	if in.Currency != nil {
		code := currency(&wrong, "currency", *in.Currency)
		out.Currency = &code
	}
	out.URL = link(&wrong, "url", in.URL)
	out.ImageURL = link(&wrong, "image_url", in.ImageURL)
	out.attributes = check.Object(&wrong, "attributes", in.Attributes)
	return out, wrong.Err()
}

// UpsertProduct creates or changes one product. Its errors for bad input are
// fault.Invalid or fault.List.
func UpsertProduct(ctx context.Context, db postgres.DB, now time.Time, in ProductInput) (Product, Change, error) {
	checked, err := in.check()
	if err != nil {
		return Product{}, "", err
	}
	var product Product
	var change Change
	err = retry(ctx, func(bool) error {
		return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			changes, err := writeProducts(ctx, tx, now, []checkedProduct{checked})
			if err != nil {
				return err
			}
			change = changes[0]
			product, err = ProductBySKU(ctx, tx, checked.SKU)
			return err
		})
	})
	return product, change, err
}

// UpsertProducts creates or changes many products in one transaction and reports
// what became of each. A sku given twice is written twice, in order.
func UpsertProducts(ctx context.Context, pool *pgxpool.Pool, now time.Time, in []ProductInput) ([]ItemResult, error) {
	return upsertProducts(ctx, pool, now, in, nil)
}

// upsertProducts calls after, where given, in the transaction that wrote.
func upsertProducts(ctx context.Context, pool *pgxpool.Pool, now time.Time, in []ProductInput, after func(pgx.Tx, []ItemResult) error) ([]ItemResult, error) {
	if len(in) > MaxBatch {
		return nil, fault.Invalidf("", "a batch holds at most %d products, this one has %d", MaxBatch, len(in))
	}
	results := make([]ItemResult, len(in))
	var good []checkedProduct
	var index, skus = []int{}, []string{}
	for i, item := range in {
		results[i] = ItemResult{Index: i, ID: item.SKU}
		checked, err := item.check()
		if err != nil {
			results[i].Error = err
			continue
		}
		good, index, skus = append(good, checked), append(index, i), append(skus, checked.SKU)
	}
	err := retry(ctx, func(bool) error {
		return postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
			for _, round := range rounds(skus) {
				batch := make([]checkedProduct, len(round))
				for i, n := range round {
					batch[i] = good[n]
				}
				changes, err := writeProducts(ctx, tx, now, batch)
				if err != nil {
					return err
				}
				for i, n := range round {
					results[index[n]].Change = changes[i]
				}
			}
			if after != nil {
				return after(tx, results)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// given is the batch as rows. NULL stands for "not given".
const givenProducts = `
	unnest(@sku::text[], @name::text[], @category::text[], @price::numeric[], @currency::text[],
	       @url::text[], @image_url::text[], @in_stock::boolean[], @attributes::jsonb[])
	AS v (sku, name, category, price, currency, url, image_url, in_stock, attributes)`

// mergedAttributes are those of p after v: nulls of v, at the top level, delete.
const mergedAttributes = `
	CASE WHEN v.attributes IS NULL THEN p.attributes ELSE (
		SELECT COALESCE(jsonb_object_agg(a.key, a.value), '{}')
		FROM jsonb_each(p.attributes || v.attributes) AS a
		WHERE jsonb_typeof(a.value) <> 'null') END`

// productDiffers is true where writing v into p would change something.
const productDiffers = `
	(p.name, p.category, p.price, p.currency, p.url, p.image_url, p.in_stock, p.attributes) IS DISTINCT FROM
	(COALESCE(v.name, p.name), COALESCE(v.category, p.category), COALESCE(v.price, p.price),
	 COALESCE(v.currency, p.currency), COALESCE(v.url, p.url), COALESCE(v.image_url, p.image_url),
	 COALESCE(v.in_stock, p.in_stock), ` + mergedAttributes + `)`

// writeProducts writes products of distinct skus. New rows first, then locks on
// those that will change, each in the order of the sku, so that two batches wait
// for each other instead of ending in a deadlock. Whoever inserts the same sku at
// the same time is waited for, and then the row is an existing one.
func writeProducts(ctx context.Context, tx pgx.Tx, now time.Time, batch []checkedProduct) ([]Change, error) {
	args := productArgs(batch)
	args["now"] = now

	created, err := skuSet(tx.Query(ctx, `
		INSERT INTO products (sku, name, category, price, currency, url, image_url, in_stock, attributes, created_at, updated_at)
		SELECT v.sku, COALESCE(v.name, ''), COALESCE(v.category, ''), v.price, COALESCE(v.currency, ''),
		       COALESCE(v.url, ''), COALESCE(v.image_url, ''), COALESCE(v.in_stock, true),
		       (SELECT COALESCE(jsonb_object_agg(a.key, a.value), '{}')
		        FROM jsonb_each(v.attributes) AS a WHERE jsonb_typeof(a.value) <> 'null'),
		       @now, @now
		FROM `+givenProducts+`
		WHERE NOT EXISTS (SELECT FROM products AS p WHERE p.sku = v.sku) -- spares the sequence
		ORDER BY v.sku
		ON CONFLICT (sku) DO NOTHING
		RETURNING sku`, args))
	if err != nil {
		return nil, fmt.Errorf("insert products: %w", err)
	}
	updated := map[string]bool{}
	if len(created) < len(batch) {
		tag, err := tx.Exec(ctx, `
			SELECT FROM products AS p JOIN `+givenProducts+` ON p.sku = v.sku
			WHERE `+productDiffers+`
			ORDER BY p.sku FOR NO KEY UPDATE OF p`, args)
		if err != nil {
			return nil, fmt.Errorf("lock products: %w", err)
		}
		if tag.RowsAffected() > 0 {
			updated, err = skuSet(tx.Query(ctx, `
				UPDATE products AS p
				SET name = COALESCE(v.name, p.name), category = COALESCE(v.category, p.category),
				    price = COALESCE(v.price, p.price), currency = COALESCE(v.currency, p.currency),
				    url = COALESCE(v.url, p.url), image_url = COALESCE(v.image_url, p.image_url),
				    in_stock = COALESCE(v.in_stock, p.in_stock), attributes = `+mergedAttributes+`,
				    updated_at = @now
				FROM `+givenProducts+`
				WHERE p.sku = v.sku AND `+productDiffers+`
				RETURNING p.sku`, args))
			if err != nil {
				return nil, fmt.Errorf("update products: %w", err)
			}
		}
	}
	changes := make([]Change, len(batch))
	for i, p := range batch {
		switch {
		case created[p.SKU]:
			changes[i] = Created
		case updated[p.SKU]:
			changes[i] = Updated
		default:
			changes[i] = Unchanged
		}
	}
	return changes, nil
}

func productArgs(batch []checkedProduct) pgx.NamedArgs {
	skus := make([]string, len(batch))
	prices := make([]*Amount, len(batch))
	inStock := make([]*bool, len(batch))
	attributes := make([]*string, len(batch))
	column := func(of func(checkedProduct) *string) []*string {
		out := make([]*string, len(batch))
		for i, p := range batch {
			out[i] = of(p)
		}
		return out
	}
	for i, p := range batch {
		skus[i], prices[i], inStock[i] = p.SKU, p.Price, p.InStock
		if p.attributes != nil {
			json := string(p.attributes)
			attributes[i] = &json
		}
	}
	return pgx.NamedArgs{
		"sku": skus, "price": prices, "in_stock": inStock, "attributes": attributes,
		"name":      column(func(p checkedProduct) *string { return p.Name }),
		"category":  column(func(p checkedProduct) *string { return p.Category }),
		"currency":  column(func(p checkedProduct) *string { return p.Currency }),
		"url":       column(func(p checkedProduct) *string { return p.URL }),
		"image_url": column(func(p checkedProduct) *string { return p.ImageURL }),
	}
}

func skuSet(rows pgx.Rows, err error) (map[string]bool, error) {
	if err != nil {
		return nil, err
	}
	skus, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(skus))
	for _, sku := range skus {
		set[sku] = true
	}
	return set, nil
}

const productColumns = `id, sku, name, category, price, currency, url, image_url, in_stock, attributes, created_at, updated_at`

// ProductBySKU returns one product or fault.NotFound.
func ProductBySKU(ctx context.Context, db postgres.DB, sku string) (Product, error) {
	if !storable(sku) {
		return Product{}, fault.NotFoundf("product", sku)
	}
	rows, err := db.Query(ctx, `SELECT `+productColumns+` FROM products WHERE sku = $1`, sku)
	if err != nil {
		return Product{}, fmt.Errorf("read product: %w", err)
	}
	product, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Product])
	if errors.Is(err, pgx.ErrNoRows) {
		return Product{}, fault.NotFoundf("product", sku)
	}
	if err != nil {
		return Product{}, fmt.Errorf("read product: %w", err)
	}
	return product, nil
}

// ProductFilter selects a page of products. Its zero value is the first page of all.
type ProductFilter struct {
	Query    string // part of the sku or the name, upper and lower case alike
	Category string // exactly
	InStock  *bool  // nil: all
	Cursor   int64  // what the page before returned as next
	Limit    int    // 50 where 0, at most 1000
}

// ListProducts returns a page of products in the order of their creation, and
// the cursor of the next page, 0 on the last.
func ListProducts(ctx context.Context, db postgres.DB, f ProductFilter) (products []Product, next int64, err error) {
	if !storable(f.Query) || !storable(f.Category) {
		return nil, 0, nil
	}
	limit := pageSize(f.Limit)
	rows, err := db.Query(ctx, `
		SELECT `+productColumns+`
		FROM products
		WHERE id > @cursor
		  AND (@query = '' OR sku ILIKE '%' || @query || '%' OR name ILIKE '%' || @query || '%')
		  AND (@category = '' OR category = @category)
		  AND (@in_stock::boolean IS NULL OR in_stock = @in_stock)
		ORDER BY id
		LIMIT @limit`,
		pgx.NamedArgs{"cursor": f.Cursor, "query": likeEscape(f.Query), "category": f.Category, "in_stock": f.InStock, "limit": limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("list products: %w", err)
	}
	products, err = pgx.CollectRows(rows, pgx.RowToStructByName[Product])
	if err != nil {
		return nil, 0, fmt.Errorf("list products: %w", err)
	}
	if len(products) > limit {
		products = products[:limit]
		next = products[limit-1].ID
	}
	return products, next, nil
}

// likeEscape makes a LIKE pattern that means s and nothing more.
func likeEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimSpace(s))
}
