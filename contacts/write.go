package contacts

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// given is the items as rows. NULL stands for "not given", or as an id for a
// contact that is to be created, or as an external id for one that keeps its own.
const given = `
	unnest(@id::bigint[], @external_id::text[], @email::text[], @email_key::text[], @first_name::text[], @last_name::text[],
	       @phone::text[], @country::text[], @language::text[], @timezone::text[], @attributes::jsonb[], @created_at::timestamptz[])
	WITH ORDINALITY
	AS v (id, external_id, email, email_key, first_name, last_name, phone, country, language, timezone, attributes, created_at, n)`

// merged is the attributes of c after v; those that v sets to null go.
const merged = `
	CASE WHEN v.attributes IS NULL THEN c.attributes ELSE (
		SELECT COALESCE(jsonb_object_agg(a.key, a.value), '{}')
		FROM jsonb_each(c.attributes || v.attributes) AS a
		WHERE a.value <> 'null') END`

// differs is true where writing v into c would change something.
const differs = `
	(c.external_id, c.email, c.email_key, c.first_name, c.last_name, c.phone, c.country, c.language, c.timezone,
	 c.created_at, c.attributes) IS DISTINCT FROM
	(COALESCE(v.external_id, c.external_id), COALESCE(v.email, c.email), COALESCE(v.email_key, c.email_key), COALESCE(v.first_name, c.first_name),
	 COALESCE(v.last_name, c.last_name), COALESCE(v.phone, c.phone), COALESCE(v.country, c.country),
	 COALESCE(v.language, c.language), COALESCE(v.timezone, c.timezone), COALESCE(v.created_at, c.created_at), ` + merged + `)`

// insert creates the contacts that resolve did not find, in the order of the
// items, so that of two new ones with one address the first is the older.
// Whoever creates one of them at the same time is waited for; then it is a race.
func (w *writer) insert(ctx context.Context, tx pgx.Tx) error {
	args, n := w.args(func(t target) bool { return t.id == 0 })
	if n == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO contacts (external_id, email, email_key, first_name, last_name, phone, country, language, timezone,
		                      attributes, created_at, updated_at)
		SELECT v.external_id, COALESCE(v.email, ''), COALESCE(v.email_key, ''), COALESCE(v.first_name, ''),
		       COALESCE(v.last_name, ''), COALESCE(v.phone, ''), COALESCE(v.country, ''), COALESCE(v.language, ''),
		       COALESCE(v.timezone, ''),
		       (SELECT COALESCE(jsonb_object_agg(a.key, a.value), '{}')
		        FROM jsonb_each(v.attributes) AS a WHERE a.value <> 'null'),
		       COALESCE(v.created_at, @now), @now
		FROM `+given+`
		ORDER BY v.n
		ON CONFLICT (external_id) DO NOTHING
		RETURNING id, external_id`, args)
	if err != nil {
		return err
	}
	created := make(map[string]int64, n)
	var id int64
	var externalID string
	if _, err = pgx.ForEachRow(rows, []any{&id, &externalID}, func() error {
		created[externalID] = id
		w.created[id] = true
		return nil
	}); err != nil {
		return err
	}
	if len(created) < n {
		return errRace
	}
	for i, t := range w.target {
		if t.id == 0 {
			w.target[i].id = created[t.externalID]
		}
	}
	return nil
}

// update changes the contacts that differ from their items. Only these are
// locked, in the order of their ids, so that two batches wait for each other
// instead of ending in a deadlock; the same input twice locks nothing.
func (w *writer) update(ctx context.Context, tx pgx.Tx) error {
	args, n := w.args(func(t target) bool { return !w.created[t.id] })
	if n == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT v.id, c.id IS NULL AS gone
		FROM `+given+`
		LEFT JOIN contacts AS c ON c.id = v.id
		WHERE c.id IS NULL OR `+differs+`
		ORDER BY v.id`, args)
	if err != nil {
		return err
	}
	var ids []int64
	var id int64
	var gone bool
	if _, err = pgx.ForEachRow(rows, []any{&id, &gone}, func() error {
		if gone {
			return errRace
		}
		ids = append(ids, id)
		return nil
	}); err != nil || len(ids) == 0 {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT FROM contacts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, ids); err != nil {
		return err
	}
	// Under the lock it is looked again at what differs: somebody may have written meanwhile.
	if len(ids) < n {
		args, _ = w.args(func(t target) bool {
			_, found := slices.BinarySearch(ids, t.id)
			return found
		})
	}
	rows, err = tx.Query(ctx, `
		UPDATE contacts AS c
		SET external_id = COALESCE(v.external_id, c.external_id), email = COALESCE(v.email, c.email), email_key = COALESCE(v.email_key, c.email_key),
		    first_name = COALESCE(v.first_name, c.first_name), last_name = COALESCE(v.last_name, c.last_name),
		    phone = COALESCE(v.phone, c.phone), country = COALESCE(v.country, c.country),
		    language = COALESCE(v.language, c.language), timezone = COALESCE(v.timezone, c.timezone),
		    created_at = COALESCE(v.created_at, c.created_at), attributes = `+merged+`,
		    updated_at = @now
		FROM `+given+`
		WHERE c.id = v.id AND `+differs+`
		  AND (v.external_id IS NULL OR c.external_id = c.email_key) -- nobody adopted it meanwhile
		RETURNING c.id`, args)
	if err != nil {
		return err
	}
	if err := w.noteUpdated(rows); err != nil {
		return err
	}
	for _, t := range w.target {
		if t.adopt && !w.updated[t.id] {
			return errRace
		}
	}
	return nil
}

func (w *writer) noteUpdated(rows pgx.Rows) error {
	var id int64
	_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		w.updated[id] = true
		return nil
	})
	return err
}

// consent writes the consents of all items.
func (w *writer) consent(ctx context.Context, tx pgx.Tx) error {
	kept := []string{}
	if w.fillOnly {
		kept = []string{Pending, Subscribed, Unsubscribed}
	}
	if err := w.setConsents(ctx, tx, func(c checked) map[string]string { return c.topics }, kept); err != nil {
		return err
	}
	return w.setConsents(ctx, tx, func(c checked) map[string]string { return c.decided }, []string{Unsubscribed})
}

// setConsents writes the consents that of returns for each item, except where
// there is one in a state that is kept. What is there already in the same state
// keeps its source and time.
func (w *writer) setConsents(ctx context.Context, tx pgx.Tx, of func(checked) map[string]string, kept []string) error {
	var ids []int64
	var topics, states []string
	for i, t := range w.target {
		for topic, state := range of(w.items[i]) {
			ids, topics, states = append(ids, t.id), append(topics, topic), append(states, state)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO consents (contact_id, topic, state, source, updated_at)
		SELECT v.contact_id, v.topic, v.state, @source, @now
		FROM unnest(@ids::bigint[], @topics::text[], @states::text[]) AS v (contact_id, topic, state)
		WHERE NOT EXISTS (
			SELECT FROM consents AS s
			WHERE s.contact_id = v.contact_id AND s.topic = v.topic AND (s.state = v.state OR s.state = ANY(@kept)))
		ORDER BY v.contact_id, v.topic
		ON CONFLICT (contact_id, topic) DO UPDATE
		SET state = EXCLUDED.state, source = EXCLUDED.source, updated_at = EXCLUDED.updated_at
		WHERE consents.state <> EXCLUDED.state AND consents.state <> ALL(@kept)
		RETURNING contact_id`,
		pgx.NamedArgs{"ids": ids, "topics": topics, "states": states, "source": w.source, "now": w.now, "kept": kept})
	if err != nil {
		return err
	}
	return w.noteUpdated(rows)
}

// args are the arguments of given, for the items whose target is wanted, and how
// many these are.
func (w *writer) args(wanted func(target) bool) (pgx.NamedArgs, int) {
	var which []int
	for i, t := range w.target {
		if wanted(t) {
			which = append(which, i)
		}
	}
	ids := make([]*int64, len(which))
	externalIDs := make([]*string, len(which))
	createdAt := make([]*time.Time, len(which))
	for i, n := range which {
		t := &w.target[n]
		if t.id != 0 {
			ids[i] = &t.id
		}
		if t.id == 0 || t.adopt {
			externalIDs[i] = &t.externalID
		}
		createdAt[i] = w.items[n].createdAt
	}
	column := func(of func(checked) *string) []*string {
		out := make([]*string, len(which))
		for i, n := range which {
			out[i] = of(w.items[n])
		}
		return out
	}
	return pgx.NamedArgs{
		"now":         w.now,
		"id":          ids,
		"external_id": externalIDs,
		"created_at":  createdAt,
		"email":       column(func(c checked) *string { return c.email }),
		"email_key":   column(func(c checked) *string { return c.key }),
		"first_name":  column(func(c checked) *string { return c.firstName }),
		"last_name":   column(func(c checked) *string { return c.lastName }),
		"phone":       column(func(c checked) *string { return c.phone }),
		"country":     column(func(c checked) *string { return c.country }),
		"language":    column(func(c checked) *string { return c.language }),
		"timezone":    column(func(c checked) *string { return c.timezone }),
		"attributes":  column(func(c checked) *string { return c.attributes }),
	}, len(which)
}
