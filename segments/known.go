package segments

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// FieldKind is what a field's values are, and with it how an editor asks for them.
type FieldKind string

const (
	KindText       FieldKind = "text"
	KindNumber     FieldKind = "number"
	KindWhole      FieldKind = "whole"    // a whole number
	KindTime       FieldKind = "time"     // a day, a moment, or days ago
	KindAny        FieldKind = "any"      // the type of the value decides, as for attributes
	KindConsent    FieldKind = "consent"  // states of a consent
	KindStatus     FieldKind = "status"   // states of an order
	KindProducts   FieldKind = "products" // SKUs
	KindCategories FieldKind = "categories"
	KindNone       FieldKind = "none" // no value: what matters is how often, and when
)

// Field is one that a rule may ask about.
type Field struct {
	Name      string    `json:"name"`   // "country"; of a family "attributes.", to which a name is added
	Family    bool      `json:"family"` // Name wants a name after it
	Kind      FieldKind `json:"kind"`
	Operators []string  `json:"operators"`
	Options   []string  `json:"options"` // within_days, from, to, times, currency, quantity
	Values    []string  `json:"values"`  // all there are, of consent and status
}

// Fields lists what a rule of a scope may ask about, contact first.
func Fields(scope Scope) []Field {
	var out []Field
	add := func(name string, f field, family bool) {
		if f.scope != "" && f.scope != scope {
			return
		}
		one := Field{Name: name, Family: family, Kind: kindOf(name, f), Operators: f.operators, Options: f.options, Values: []string{}}
		if one.Options == nil {
			one.Options = []string{}
		}
		switch one.Kind {
		case KindConsent:
			one.Values = consentStates
		case KindStatus:
			one.Values = orderStatuses
		}
		out = append(out, one)
	}
	for _, name := range slices.Sorted(maps.Keys(contactTexts)) {
		add(name, contactField, false)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		add(name, fields[name], false)
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		add(name+".", families[name], true)
	}
	return out
}

func kindOf(name string, f field) FieldKind {
	switch {
	case name == "consent.":
		return KindConsent
	case name == "event.":
		return KindNone
	case name == "attributes." || name == "properties.":
		return KindAny
	case name == "order.status":
		return KindStatus
	case strings.HasSuffix(name, ".product"):
		return KindProducts
	case strings.HasSuffix(name, ".category"):
		return KindCategories
	case name == "created_at" || name == "orders.first" || name == "orders.last":
		return KindTime
	case name == "orders.sum" || name == "order.total":
		return KindNumber
	case slices.Contains(f.operators, "contains"):
		return KindText
	default:
		return KindWhole
	}
}

// Attribute is one that contacts have.
type Attribute struct {
	Name  string   `json:"name"`
	Types []string `json:"types"` // text, number, boolean, day, list; the most frequent first
	Share float64  `json:"share"` // of the contacts that were looked at
}

// Known is what the data has names for that a rule may use.
type Known struct {
	Attributes []Attribute `json:"attributes"` // of some thousand contacts, the most frequent first
	Topics     []string    `json:"topics"`
	Events     []string    `json:"events"`
	Currencies []string    `json:"currencies"` // of the latest orders
}

const (
	maxSeen = 200 // names of a kind
)

// lookTimeout bounds how long suggestions may keep the database busy. They are a help
// for typing: where they would take longer, there are none.
const lookTimeout = "2s"

// someContacts are the newest ones, and as many from anywhere: pages of the table by
// chance, which costs the same for a million rows as for ten thousand.
const someContacts = `(
		(SELECT attributes FROM contacts ORDER BY id DESC LIMIT 2000)
		UNION ALL
		(SELECT attributes FROM contacts
		 TABLESAMPLE SYSTEM ((SELECT LEAST(100, 100 * 4000 / GREATEST(reltuples, 1)) FROM pg_class WHERE oid = 'contacts'::regclass)) LIMIT 4000)
	)`

// Look finds out what names the data has.
func Look(ctx context.Context, db postgres.DB) (Known, error) {
	k := Known{Attributes: []Attribute{}, Topics: []string{}, Events: []string{}, Currencies: []string{}}
	err := briefly(ctx, db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			WITH sampled AS MATERIALIZED `+someContacts+`, seen AS (
				SELECT a.key, CASE jsonb_typeof(a.value)
					WHEN 'string' THEN CASE
						WHEN a.value #>> '{}' ~ '`+leadingDay+`' THEN 'day'
						WHEN a.value #>> '{}' ~ '`+plainNumber+`' THEN 'number'
						WHEN lower(a.value #>> '{}') IN ('true', 'false') THEN 'boolean'
						ELSE 'text' END
					WHEN 'array' THEN 'list'
					ELSE jsonb_typeof(a.value) END AS type, count(*) AS n
				FROM sampled, jsonb_each(attributes) AS a
				GROUP BY 1, 2
			)
			SELECT key, array_agg(type ORDER BY n DESC, type), (sum(n) / (SELECT count(*) FROM sampled))::float8
			FROM seen
			WHERE type NOT IN ('null', 'object')
			GROUP BY key
			ORDER BY sum(n) DESC, key
			LIMIT $1`, maxSeen)
		if err != nil {
			return err
		}
		k.Attributes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Attribute])
		return err
	})
	if err != nil {
		return k, fmt.Errorf("look at attributes: %w", err)
	}
	for _, part := range []struct {
		into *[]string
		sql  string
	}{
		{&k.Topics, distinct("consents", "topic")},
		{&k.Events, distinct("events", "name")},
		{&k.Currencies, `SELECT DISTINCT currency FROM (SELECT currency FROM orders ORDER BY id DESC LIMIT 4000) AS o WHERE currency <> '' ORDER BY 1 LIMIT $1`},
	} {
		err := briefly(ctx, db, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, part.sql, maxSeen)
			if err != nil {
				return err
			}
			*part.into, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		if err != nil {
			return k, fmt.Errorf("look at names: %w", err)
		}
	}
	return k, nil
}

// distinct reads the distinct values of the first column of an index, from one to the
// next: few values among many rows cost few steps.
func distinct(table, column string) string {
	return `
		WITH RECURSIVE names AS (
			(SELECT ` + column + ` AS name FROM ` + table + ` ORDER BY 1 LIMIT 1)
			UNION ALL
			SELECT (SELECT t.` + column + ` FROM ` + table + ` AS t WHERE t.` + column + ` > names.name ORDER BY 1 LIMIT 1)
			FROM names
			WHERE names.name IS NOT NULL
		)
		SELECT name FROM names WHERE name IS NOT NULL LIMIT $1`
}

// Value is one that a field has.
type Value struct {
	Value string `json:"value"`
	Label string `json:"label"` // a product's name; else ''
	Hint  string `json:"hint"`  // a product's category; else ''
}

// maxSuggested is how many values are suggested.
const maxSuggested = 50

// Values suggests values for a field, those that hold query in any part, upper and
// lower case alike: products by SKU and name, categories, countries, languages, time
// zones, currencies, and what an attribute is among some thousand contacts. Fields
// that are different for everybody have none.
func Values(ctx context.Context, db postgres.DB, fieldName, query string) ([]Value, error) {
	if _, problem := lookup(fieldName, OrderScope); problem != "" {
		if _, problem := lookup(fieldName, EventScope); problem != "" {
			return nil, fault.Invalidf("field", "%s", problem)
		}
	}
	if strings.ContainsRune(query, 0) || strings.ToValidUTF8(query, "") != query {
		return []Value{}, nil
	}
	args := []any{"%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimSpace(query)) + "%", maxSuggested}
	var sql string
	family, name, _ := strings.Cut(fieldName, ".")
	switch {
	case name == "product":
		// What begins so comes before what only holds it.
		sql = `
			SELECT sku, name, category
			FROM products
			WHERE sku ILIKE $1 OR name ILIKE $1
			ORDER BY NOT (sku ILIKE substr($1, 2) OR name ILIKE substr($1, 2)), lower(name COLLATE posthorn_text), sku
			LIMIT $2`
	case name == "category":
		sql = `SELECT category, '', '' FROM products WHERE category <> '' AND category ILIKE $1 GROUP BY category ORDER BY lower(category COLLATE posthorn_text), category LIMIT $2`
	case fieldName == "country" || fieldName == "language" || fieldName == "timezone":
		sql = `SELECT ` + fieldName + `, '', '' FROM contacts WHERE ` + fieldName + ` <> '' AND ` + fieldName + ` ILIKE $1 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2`
	case fieldName == "order.currency":
		sql = `SELECT DISTINCT currency, '', '' FROM (SELECT currency FROM orders ORDER BY id DESC LIMIT 4000) AS o WHERE currency <> '' AND currency ILIKE $1 ORDER BY 1 LIMIT $2`
	case family == "attributes":
		args = append(args, name)
		sql = `
			SELECT left(v #>> '{}', ` + fmt.Sprint(maxText) + `), '', ''
			FROM ` + someContacts + ` AS sampled, jsonb_path_query(attributes -> $3, '$[*]') AS v
			WHERE jsonb_typeof(v) IN ('string', 'number', 'boolean') AND v #>> '{}' <> '' AND v #>> '{}' ILIKE $1
			GROUP BY 1
			ORDER BY count(*) DESC, 1
			LIMIT $2`
	default:
		return []Value{}, nil
	}
	list := []Value{}
	err := briefly(ctx, db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Value])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("suggest values: %w", err)
	}
	return list, nil
}

// briefly runs fn in a transaction that reads, for a short time. What takes longer is
// no error: there is nothing to suggest.
func briefly(ctx context.Context, db postgres.DB, fn func(pgx.Tx) error) error {
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '`+lookTimeout+`'; SET LOCAL jit = off`); err != nil {
			return err
		}
		return fn(tx)
	})
	if postgres.TimedOut(err) && ctx.Err() == nil {
		return nil
	}
	return err
}
