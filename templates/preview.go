package templates

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// PreviewAs says whom a mail is shown as.
type PreviewAs struct {
	Contact string // the shop's id; "": the made-up contact
	Order   string // the shop's id of the order that stands for the triggering one; "": the contact's newest
	Event   string // the name of the event that stands for the triggering one; "": the contact's newest of any name
	Bare    bool   // without Contact: the made-up contact of whom nothing but the address is known
}

// Shown is a mail as one contact would see it.
type Shown struct {
	Rendered
	Preheader string
}

// Show renders a version with its preheader, which a mail has only hidden in its HTML.
func Show(ctx context.Context, v Version, d Data) (Shown, error) {
	r, err := NewRenderer(v)
	if err != nil {
		return Shown{}, err
	}
	m, err := r.Render(ctx, d)
	if err != nil {
		return Shown{}, err
	}
	if r, err = NewRenderer(Version{CompiledText: v.Preheader}); err != nil {
		return Shown{}, err
	}
	preheader, err := r.Render(ctx, d)
	if err != nil {
		return Shown{}, fmt.Errorf("preheader: %w", err)
	}
	return Shown{m, headerText(preheader.Text, maxPreheader)}, nil
}

// TryOut compiles a source that need not be saved and renders it. Where a problem is an
// error, nothing is shown; a mail that does not render for this contact is such a
// problem.
func TryOut(ctx context.Context, src Source, d Data) (Shown, []Problem) {
	compiled, problems := Compile(src)
	if failed(problems) {
		return Shown{}, problems
	}
	shown, err := Show(ctx, Version{
		Subject: src.Subject, Preheader: src.Preheader, Text: src.Text, CompiledHTML: compiled.HTML, CompiledText: compiled.Text,
	}, d)
	if err != nil {
		return Shown{}, append([]Problem{{Severity: SeverityError, Part: src.body(), Message: "does not render for this contact, who will get no mail: " + err.Error()}}, problems...)
	}
	return shown, problems
}

// body is the part that the body is written in.
func (s Source) body() string {
	switch {
	case s.MJML != "":
		return partMJML
	case s.HTML != "":
		return partHTML
	}
	return partText
}

// LoadPreview reads what a mail to a contact is rendered with. Its errors are
// fault.NotFound for the contact, and fault.Invalid for an order or an event that
// is not theirs.
func LoadPreview(ctx context.Context, db postgres.DB, as PreviewAs) (Facts, error) {
	switch {
	case as.Contact == "" && as.Bare:
		return bareFacts(), nil
	case as.Contact == "":
		return SampleFacts(), nil
	}
	var id int64
	err := db.QueryRow(ctx, `SELECT id FROM contacts WHERE external_id = $1`, as.Contact).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Facts{}, fault.NotFoundf("contact", as.Contact)
	}
	if err != nil {
		return Facts{}, fmt.Errorf("load preview: %w", err)
	}
	all, err := LoadFacts(ctx, db, []int64{id})
	if err != nil {
		return Facts{}, err
	}
	facts, found := all[id]
	if !found { // deleted just now
		return Facts{}, fault.NotFoundf("contact", as.Contact)
	}
	order, err := newest(ctx, db, `SELECT id FROM orders WHERE contact_id = $1 AND ($2 = '' OR external_id = $2) ORDER BY placed_at DESC, id DESC LIMIT 1`, id, as.Order)
	if err != nil {
		return Facts{}, err
	}
	if as.Order != "" && len(order) == 0 {
		return Facts{}, fault.Invalidf("order_id", "the contact has no order %q", as.Order)
	}
	event, err := newest(ctx, db, `SELECT id FROM events WHERE contact_id = $1 AND ($2 = '' OR name = $2) ORDER BY occurred_at DESC, id DESC LIMIT 1`, id, as.Event)
	if err != nil {
		return Facts{}, err
	}
	if as.Event != "" && len(event) == 0 {
		return Facts{}, fault.Invalidf("event", "the contact has no event %q", as.Event)
	}
	orders, events, err := LoadTriggers(ctx, db, order, event)
	if err != nil {
		return Facts{}, err
	}
	for _, o := range orders {
		facts.Order = o
	}
	for _, e := range events {
		facts.Event = e
	}
	return facts, nil
}

// newest runs a query for one id; none where it finds nothing.
func newest(ctx context.Context, db postgres.DB, sql string, contact int64, which string) ([]int64, error) {
	rows, err := db.Query(ctx, sql, contact, which)
	if err != nil {
		return nil, fmt.Errorf("load preview: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("load preview: %w", err)
	}
	return ids, nil
}

// bareFacts is a contact without name and order.
func bareFacts() Facts {
	return Facts{Contact: Contact{ID: 2, ExternalID: "C-2", Email: "someone@example.com"}}
}

// InUse is what the shop's own data holds besides the names that are always there.
type InUse struct {
	Attributes []string     `json:"attributes"` // of contacts: contact.attributes.NAME
	Events     []EventInUse `json:"events"`
}

// EventInUse is an event with its properties: event.properties.NAME.
type EventInUse struct {
	Name       string   `json:"name"`
	Properties []string `json:"properties"`
}

// LoadInUse looks at the newest 1,000 contacts and the newest 1,000 events: enough to
// find what is sent, whatever their number.
func LoadInUse(ctx context.Context, db postgres.DB) (InUse, error) {
	out := InUse{Attributes: []string{}, Events: []EventInUse{}}
	rows, err := db.Query(ctx, `
		SELECT DISTINCT key
		FROM (SELECT attributes FROM contacts ORDER BY id DESC LIMIT 1000) AS c, jsonb_object_keys(c.attributes) AS key
		ORDER BY key
		LIMIT 200`)
	if err != nil {
		return out, fmt.Errorf("look for attributes: %w", err)
	}
	attributes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return out, fmt.Errorf("look for attributes: %w", err)
	}
	out.Attributes = append(out.Attributes, attributes...)
	rows, err = db.Query(ctx, `
		SELECT e.name, array_agg(DISTINCT key ORDER BY key) FILTER (WHERE key IS NOT NULL)
		FROM (SELECT name, properties FROM events ORDER BY id DESC LIMIT 1000) AS e
		LEFT JOIN LATERAL jsonb_object_keys(e.properties) AS key ON true
		GROUP BY e.name
		ORDER BY e.name
		LIMIT 50`)
	if err != nil {
		return out, fmt.Errorf("look for events: %w", err)
	}
	var name string
	var properties []string
	_, err = pgx.ForEachRow(rows, []any{&name, &properties}, func() error {
		out.Events = append(out.Events, EventInUse{Name: name, Properties: append([]string{}, properties[:min(len(properties), 100)]...)})
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("look for events: %w", err)
	}
	return out, nil
}
