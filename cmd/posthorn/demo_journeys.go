package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/clock"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/templates"
)

// demoJourney is a follow-up of the demo's shop. Its templates are written to their
// names, which its definition then uses.
type demoJourney struct {
	name       string
	templates  map[string]templates.Source
	definition string // %{NAME} stands for the id of a template
}

const demoSender = `"sender": {"name": "Bean & Burr", "address": "orders@shop.example"}`

// demoJourneys are what every shop begins with: thanks, the next thing, and a word
// to those who stay away.
var demoJourneys = []demoJourney{
	{
		name: "Thanks, with care tips",
		templates: map[string]templates.Source{"thanks": {
			Subject:   "Thank you for order {{ order.id }}, {{ contact.first_name | default: 'and enjoy it' }}",
			Preheader: "What is on its way, and how to make the most of it",
			HTML: `<html><body style="font:16px/1.5 sans-serif;max-width:36rem;margin:auto">
<h1>Thank you{% if contact.first_name %}, {{ contact.first_name }}{% endif %}!</h1>
<p>This is on its way to you:</p>
{% for item in order.items %}<table><tr>
<td><a href="{{ item.url }}"><img src="{{ item.image_url }}" alt="" width="72" height="72"></a></td>
<td><a href="{{ item.url }}">{{ item.name }}</a><br>{{ item.quantity }} × {{ item.unit_price | money: order.currency }}
{% if item.category == "coffee" %}<br><em>Keep it dark and closed, and grind it just before brewing.</em>
{% elsif item.category == "grinders" %}<br><em>Brush the burrs once a week, and never wash them.</em>
{% elsif item.category == "tea" %}<br><em>Water that has just stopped boiling, three minutes.</em>{% endif %}</td>
</tr></table>{% endfor %}
<p>{{ order.total | money: order.currency }} in all.</p>
<p><small><a href="{{ unsubscribe_url }}">No more mail from us</a></small></p>
</body></html>`,
		}},
		definition: `{
			"trigger": {"type": "order", "on": "placed"},
			"entry": {"key": "order"},
			"exit": {"on_refund": true},
			"steps": [{"id": "thanks", "type": "send", "template_id": %{thanks}, ` + demoSender + `, "topic": "orders", "transactional": true}]}`,
	},
	{
		name: "A grinder for coffee drinkers",
		templates: map[string]templates.Source{"grinder": {
			Subject: "Freshly ground tastes better",
			HTML: `<html><body><p>Hello{% if contact.first_name %} {{ contact.first_name }}{% endif %},</p>
<p>two weeks ago you took home {% for item in order.items %}{% if item.category == "coffee" %}<a href="{{ item.url }}">{{ item.name }}</a> {% endif %}{% endfor %}.
A grinder makes more of it than anything else.</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`,
		}},
		definition: `{
			"trigger": {"type": "not_bought", "within": "P14D",
				"where": {"field": "order.category", "operator": "bought", "value": "coffee"},
				"unless": {"field": "bought.category", "operator": "bought", "value": "grinders"}},
			"entry": {"key": "contact", "again_after": "P180D"},
			"exit": {"on_refund": true, "goal": {"field": "bought.category", "operator": "bought", "value": "grinders", "from": "trigger"}},
			"steps": [
				{"id": "morning", "type": "wait", "at": "09:00", "on": ["tue", "wed", "thu"]},
				{"id": "offer", "type": "send", "template_id": %{grinder}, ` + demoSender + `, "topic": "news"}]}`,
	},
	{
		name: "We have not seen you for a while",
		templates: map[string]templates.Source{"back": {
			Subject: "Still the same coffee, {{ contact.first_name | default: 'and you' }}?",
			HTML: `<html><body><p>Hello{% if contact.first_name %} {{ contact.first_name }}{% endif %},</p>
<p>your last order was on {{ order.placed_at | date: "%-d %B" }}. Here is what it was, should you have run out:</p>
<ul>{% for item in order.items %}<li><a href="{{ item.url }}">{{ item.name }}</a></li>{% endfor %}</ul>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>`,
		}},
		definition: `{
			"trigger": {"type": "win_back", "within": "P90D"},
			"entry": {"key": "contact", "again_after": "P180D"},
			"exit": {"on_refund": true},
			"steps": [
				{"id": "morning", "type": "wait", "at": "10:00"},
				{"id": "back", "type": "send", "template_id": %{back}, ` + demoSender + `, "topic": "news"},
				{"id": "pause", "type": "wait", "for": "P30D"},
				{"id": "came", "type": "branch", "if": {"field": "orders.count", "operator": ">", "value": 0, "from": "trigger"},
					"then": [{"id": "welcome", "type": "exit", "reason": "bought again"}],
					"else": [{"id": "asleep", "type": "update_contact", "set": {"asleep": true}}]}]}`,
	},
}

// ensureJourneys makes the journeys that are missing and publishes them.
func (d *demo) ensureJourneys(ctx context.Context) error {
	step := d.step("journeys")
	made := 0
	for _, j := range demoJourneys {
		var there bool
		if err := d.svc.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM journeys WHERE name = $1)`, j.name).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		definition := j.definition
		for name, source := range j.templates {
			t, _, err := templates.Create(ctx, d.svc.pool, clock.System(), j.name, source)
			if err != nil {
				return fmt.Errorf("template of %q: %w", j.name, err)
			}
			definition = strings.ReplaceAll(definition, "%{"+name+"}", fmt.Sprint(t.ID))
		}
		created, err := journeys.Create(ctx, d.svc.pool, clock.System(), j.name, []byte(definition))
		if err == nil {
			_, err = journeys.Publish(ctx, d.svc.pool, clock.System(), created.ID)
		}
		if err != nil {
			return fmt.Errorf("journey %q: %w", j.name, err)
		}
		made++
	}
	step("%d live, %d of them new", len(demoJourneys), made)
	return nil
}

// order places an order over the API, as a shop does, and shows how long it takes
// until its follow-up is in the inbox.
func (d *demo) order(ctx context.Context, key string) error {
	var contact string
	err := d.svc.pool.QueryRow(ctx, `
		SELECT c.external_id FROM messages m JOIN contacts c ON c.id = m.contact_id
		WHERE m.state = 'sent' AND m.attempts = 1 ORDER BY m.id DESC LIMIT 1`).Scan(&contact)
	if errors.Is(err, pgx.ErrNoRows) {
		d.note("nobody was mailed, so that nobody orders anything")
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := d.svc.pool.Query(ctx, `SELECT sku, price::float8 FROM products WHERE category IN ('coffee', 'tea') AND price IS NOT NULL ORDER BY sku LIMIT 2`)
	if err != nil {
		return err
	}
	var items []map[string]any
	var sku string
	var price float64
	if _, err := pgx.ForEachRow(rows, []any{&sku, &price}, func() error {
		items = append(items, map[string]any{"sku": sku, "quantity": 1 + len(items), "unit_price": price})
		return nil
	}); err != nil {
		return err
	}
	id := "DEMO-" + clock.System().Format("20060102-150405.000")
	body, err := json.Marshal(map[string]any{"contact_external_id": contact, "placed_at": clock.System(), "currency": "EUR", "status": "paid", "items": items})
	if err != nil {
		return err
	}
	began := time.Now()
	url := baseURLOf(d.http.Addr().String()) + "/api/v1/orders/" + id
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode/100 != 2 {
		return fmt.Errorf("the order was refused: %s: %s", res.Status, answer)
	}
	for until := began.Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var state messages.State
		err := d.svc.pool.QueryRow(ctx, `
			SELECT m.state FROM messages m JOIN enrolments e ON e.id = m.enrolment_id JOIN orders o ON o.id = e.order_id
			WHERE o.external_id = $1 ORDER BY m.id LIMIT 1`, id).Scan(&state)
		switch {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return err
		case state == messages.Sent:
			fmt.Fprintf(d.std.out, "  an order of %d products by %s: its thanks were in the inbox %d ms after the request\n", len(items), contact, time.Since(began).Milliseconds())
			return nil
		case time.Now().After(until):
			return fmt.Errorf("the order %s was not followed up within 30 s: %s", id, state)
		}
	}
}
