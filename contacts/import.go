package contacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/check"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// ImportOptions say how a CSV file of contacts is read.
type ImportOptions struct {
	csvimport.Options
	Topic  string    // what the contacts are subscribed to, unless the file has a column topics or says otherwise; "": to nothing
	Source string    // noted with the consents: where the contacts said so; "" for "import"
	Now    time.Time // when they are written
}

const defaultSource = "import"

// importBatch is how many contacts are written in one transaction.
const importBatch = 5000

var importColumns = []csvimport.Column{
	{Name: "external_id", Synonyms: []string{"contact_external_id", "customer_id", "customer_number", "customer_no", "contact_id", "user_id", "id", "kundennummer", "kunden_nr", "kunden_id"}},
	{Name: "email", Synonyms: []string{"email_address", "mail", "e_mail_adresse", "mailadresse"}},
	{Name: "first_name", Synonyms: []string{"given_name", "forename", "vorname"}},
	{Name: "last_name", Synonyms: []string{"surname", "family_name", "nachname", "familienname"}},
	{Name: "phone", Synonyms: []string{"phone_number", "telephone", "mobile", "telefon", "telefonnummer", "handy", "mobilnummer"}},
	{Name: "country", Synonyms: []string{"country_name", "country_code", "land"}},
	{Name: "language", Synonyms: []string{"lang", "locale", "sprache"}},
	{Name: "timezone", Synonyms: []string{"tz", "zeitzone"}},
	{Name: "created_at", Synonyms: []string{"created", "customer_since", "signup_date", "kunde_seit", "angelegt_am", "erstellt_am", "registriert_am"}},
	{Name: "topics", Synonyms: []string{"topic", "themen", "thema"}},
	{Name: consentColumn, Family: "TOPIC"},
}

// consentColumn is how the columns of single consents begin: consent.news.
const consentColumn = "consent."

// Import reads contacts from CSV. The columns are those of Input (created_at, and
// topics as a list); any other column becomes an attribute under its header. An
// empty cell says nothing and leaves the contact as it is; an empty cell of topics
// subscribes to nothing. A column consent.TOPIC holds the state of one consent and
// comes before ImportOptions.Topic and the column topics, as far as that topic goes.
//
// Each row is taken as Upsert would take it, with two differences. A consent that
// exists is left as it is, whatever its state, unless a column consent.TOPIC says
// another; and who is unsubscribed stays so even then, also where one row of the
// file unsubscribes and a later one subscribes. And the file is looked at as a
// whole: rows that mean the same contact are put together first, the later over
// the earlier, and what a row without an external id means is decided by who has
// its address once the rows with one are in. So the order of such rows does not
// matter, and the same file again changes nothing.
//
// In the summary, Rows and Rejected count rows; Created, Updated and Unchanged
// count contacts. A file that cannot be read to its end changes nothing. It is
// written in batches: an import that is broken off then has stored some of them,
// and can simply be run again.
//
// Errors that the file's sender can mend are fault.Invalid. One import runs at a
// time in a process; the others wait.
func Import(ctx context.Context, pool *pgxpool.Pool, r io.Reader, opts ImportOptions) (csvimport.Summary, error) {
	if err := opts.Check(); err != nil {
		return csvimport.Summary{}, err
	}
	in, err := csvimport.Open(r, opts.Options, importColumns)
	if err != nil {
		return csvimport.Summary{}, err
	}
	if err := columnsOf(in); err != nil {
		return csvimport.Summary{}, err
	}
	imp := &contactImport{pool: pool, in: in, rows: opts.rows(in), opts: opts, summary: map[Change]int64{}}
	err = imp.run(ctx)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	summary := in.Summary()
	summary.Created, summary.Updated, summary.Unchanged = imp.summary[Created], imp.summary[Updated], imp.summary[Unchanged]
	if err == nil && summary.Created+summary.Updated > 0 {
		err = postgres.Analyze(ctx, pool, "contacts", "consents")
	}
	if err != nil {
		return summary, fmt.Errorf("import contacts: %w", err)
	}
	return summary, nil
}

// Check fills in what is not given, and returns a fault.Invalid or fault.List for what
// is wrong.
func (o *ImportOptions) Check() error {
	var wrong fault.List
	if o.Topic != "" {
		if err := ValidTopic(o.Topic); err != nil {
			wrong = append(wrong, err.(*fault.Invalid))
		}
	}
	if o.Source = check.Text(&wrong, "source", o.Source, maxSource); o.Source == "" {
		o.Source = defaultSource
	}
	return wrong.Err()
}

// PreviewImport says what Import would make of the first rows of a file, which may be
// cut off behind them. Its error, a fault.Invalid or fault.List, is for options that
// are wrong and for what is no CSV file at all.
func PreviewImport(r io.Reader, opts ImportOptions, rows int, cut bool) (csvimport.Preview, error) {
	if err := opts.Check(); err != nil {
		return csvimport.Preview{}, err
	}
	return csvimport.Look(r, opts.Options, importColumns, rows, cut, func(in *csvimport.File) (csvimport.Parse, error) {
		rr := opts.rows(in)
		return func(row csvimport.Row) (map[string]string, error) {
			c, err := rr.parse(row)
			if err != nil {
				return nil, err
			}
			return c.shown(row), nil
		}, columnsOf(in)
	})
}

// shown is what a row says, by field.
func (c checked) shown(row csvimport.Row) map[string]string {
	out := map[string]string{}
	for field, v := range map[string]*string{
		"external_id": &c.externalID, "email": c.email, "first_name": c.firstName, "last_name": c.lastName, "phone": c.phone,
		"country": c.country, "language": c.language, "timezone": c.timezone,
	} {
		if v != nil && *v != "" {
			out[field] = *v
		}
	}
	if c.createdAt != nil {
		out["created_at"] = c.createdAt.Format(time.RFC3339)
	}
	var topics []string
	for topic := range c.topics {
		topics = append(topics, topic)
	}
	if slices.Sort(topics); len(topics) > 0 {
		out["topics"] = strings.Join(topics, ", ")
	}
	for topic, state := range c.decided {
		out[consentColumn+topic] = state
	}
	row.Extras(out)
	return out
}

// columnsOf says what is wrong with a file's columns taken together, a fault.Invalid.
func columnsOf(in *csvimport.File) error {
	if !in.Has("external_id") && !in.Has("email") {
		return in.Missing("a column external_id or email")
	}
	for _, topic := range in.Family(consentColumn) {
		if ValidTopic(topic) != nil {
			return fault.Invalidf("columns", "%q names no topic: %s", consentColumn+shorten(topic, maxTopic), topicForm)
		}
	}
	return nil
}

type contactImport struct {
	pool    *pgxpool.Pool
	in      *csvimport.File
	rows    rowReader
	opts    ImportOptions
	summary map[Change]int64
	broken  error // why the file could not be read to its end; COPY tells less
	items   []checked
}

// rowReader reads rows as contacts.
type rowReader struct {
	topics    bool     // there is a column topics
	topic     string   // what it is without that; '' for none
	decidable []string // topics that have a column consent.TOPIC
}

func (o ImportOptions) rows(in *csvimport.File) rowReader {
	return rowReader{topics: in.Has("topics"), topic: o.Topic, decidable: in.Family(consentColumn)}
}

// run copies the rows to a staging table, and writes from it what belongs
// together. The table lives in a transaction that touches nothing else: it holds
// no lock that anybody waits for, needs no session and is gone whatever happens.
// What is written is written by transactions of its own, on another connection.
func (imp *contactImport) run(ctx context.Context) error {
	if imp.pool.Config().MaxConns < 2 {
		return errors.New("it needs two database connections, and the pool is limited to one (pool_max_conns)")
	}
	end, err := csvimport.Turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	return postgres.InTx(ctx, imp.pool, func(tx pgx.Tx) error {
		anonymous, err := imp.stage(ctx, tx)
		if err != nil {
			return err
		}
		if err := findOwners(ctx, tx, anonymous); err != nil {
			return err
		}
		return imp.write(ctx, tx)
	})
}

// stage copies the good rows to the staging table, and says whether any has no
// external id.
func (imp *contactImport) stage(ctx context.Context, tx pgx.Tx) (anonymous bool, err error) {
	_, err = tx.Exec(ctx, `
		CREATE TEMPORARY TABLE import_contacts (
			line integer, external_id text, -- NULL where the row has none
			email text, email_key text, first_name text, last_name text, phone text, country text, language text,
			timezone text, attributes jsonb, created_at timestamptz, topics jsonb, decided jsonb
		) ON COMMIT DROP`)
	if err != nil {
		return false, fmt.Errorf("create staging table: %w", err)
	}
	next := func() ([]any, error) {
		for {
			row, err := imp.in.Next()
			if errors.Is(err, io.EOF) {
				return nil, nil
			}
			if err != nil {
				imp.broken = err
				return nil, err
			}
			c, err := imp.rows.parse(row)
			if err != nil {
				imp.in.RejectFault(row, err)
				continue
			}
			var externalID *string
			if c.externalID != "" {
				externalID = &c.externalID
			}
			anonymous = anonymous || externalID == nil
			return []any{row.Line, externalID, c.email, c.key, c.firstName, c.lastName, c.phone, c.country, c.language,
				c.timezone, c.attributes, c.createdAt, c.topics, c.decided}, nil
		}
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"import_contacts"},
		[]string{"line", "external_id", "email", "email_key", "first_name", "last_name", "phone", "country", "language",
			"timezone", "attributes", "created_at", "topics", "decided"}, pgx.CopyFromFunc(next))
	if imp.broken != nil {
		return false, imp.broken
	}
	if err != nil {
		// A cancelled COPY sometimes ends with no more than its closed connection.
		return false, fmt.Errorf("copy to staging table: %w", errors.Join(err, ctx.Err()))
	}
	return anonymous, nil
}

// parse reads one row. Its errors are fault.Invalid or fault.List.
func (rr rowReader) parse(row csvimport.Row) (checked, error) {
	given := func(field string) *string {
		if s := row.Get(field); s != "" {
			return &s
		}
		return nil
	}
	in := Input{
		ExternalID: row.Get("external_id"), Email: given("email"), FirstName: given("first_name"), LastName: given("last_name"),
		Phone: given("phone"), Country: given("country"), Language: given("language"), Timezone: given("timezone"),
	}
	var wrong fault.List
	if s := given("created_at"); s != nil {
		in.CreatedAt = parseTime(&wrong, "created_at", *s)
	}
	var topics []string
	switch {
	case rr.topics:
		topics = splitTopics(row.Get("topics"))
	case rr.topic != "":
		topics = []string{rr.topic}
	}
	in.Topics = make(map[string]string, len(topics))
	for _, topic := range topics {
		in.Topics[topic] = Subscribed
	}
	decided := map[string]string{}
	for _, topic := range rr.decidable {
		state := strings.ToLower(row.Get(consentColumn + topic))
		if state == "" {
			continue
		}
		if !validState(state) {
			wrong.Add(consentColumn+topic, "is not one of pending, subscribed and unsubscribed")
		}
		decided[topic] = state
	}
	for header, cell := range row.Extra() {
		if in.Attributes == nil {
			in.Attributes = map[string]any{}
		}
		in.Attributes[header] = cell
	}
	if err := wrong.Err(); err != nil {
		return checked{}, err
	}
	c, err := in.check()
	c.decide(decided)
	return c, err
}

// decide adds what a row decides to what is decided, and takes it out of what is
// only filled in. Later rows come later; an unsubscribe stays.
func (c *checked) decide(later map[string]string) {
	if c.decided == nil {
		c.decided = make(map[string]string, len(later))
	}
	for topic, state := range later {
		if c.decided[topic] != Unsubscribed {
			c.decided[topic] = state
		}
	}
	for topic := range c.decided {
		delete(c.topics, topic)
	}
}

// timeLayouts are those a file may use. Without a zone it is UTC.
var timeLayouts = []string{time.RFC3339Nano, time.DateTime, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05-07", "2006-01-02 15:04", "2006-01-02T15:04"}

func parseTime(wrong *fault.List, field, s string) *time.Time {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return &t
		}
	}
	wrong.Add(field, "is not a time such as 2026-03-02T09:00:00Z, 2026-03-02 09:00:00 (UTC) or 2026-03-02")
	return nil
}

// write reads the staged rows back, those of one contact next to each other and
// the contacts in the order in which the file names them first.
func (imp *contactImport) write(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT owner, email, email_key, first_name, last_name, phone, country, language, timezone, attributes::text, created_at, topics, decided
		FROM (
			SELECT i.*, COALESCE(i.external_id, o.external_id) AS owner
			FROM import_contacts AS i
			LEFT JOIN import_owners AS o ON i.external_id IS NULL AND o.email_key = i.email_key
		) AS i
		ORDER BY min(line) OVER (PARTITION BY owner), line`)
	if err != nil {
		return fmt.Errorf("read staging table: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c checked
		err := rows.Scan(&c.externalID, &c.email, &c.key, &c.firstName, &c.lastName, &c.phone, &c.country, &c.language,
			&c.timezone, &c.attributes, &c.createdAt, &c.topics, &c.decided)
		if err != nil {
			return fmt.Errorf("read staging table: %w", err)
		}
		if n := len(imp.items); n > 0 && imp.items[n-1].externalID == c.externalID {
			if imp.items[n-1], err = imp.items[n-1].then(c); err != nil {
				return err
			}
			continue
		}
		if len(imp.items) == importBatch {
			if err := imp.flush(ctx); err != nil {
				return err
			}
		}
		imp.items = append(imp.items, c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read staging table: %w", err)
	}
	return imp.flush(ctx)
}

// flush writes the contacts that were gathered.
func (imp *contactImport) flush(ctx context.Context) error {
	like := writer{now: imp.opts.Now, source: imp.opts.Source, fillOnly: true}
	results, err := writeAll(ctx, imp.pool, like, imp.items, func(tx pgx.Tx, results []ItemResult) error {
		if imp.opts.Wrote == nil {
			return nil
		}
		n := map[Change]int64{}
		for _, r := range results {
			n[r.Change]++
		}
		return imp.opts.Wrote(ctx, tx, csvimport.Counts{Created: n[Created], Updated: n[Updated], Unchanged: n[Unchanged]})
	})
	if err != nil {
		return err
	}
	for _, r := range results {
		imp.summary[r.Change]++
	}
	imp.in.Stored(int64(len(results)))
	imp.items = imp.items[:0]
	return nil
}

// then returns what c and then later say about one contact.
func (c checked) then(later checked) (checked, error) {
	for _, f := range []struct {
		to   **string
		from *string
	}{
		{&c.firstName, later.firstName}, {&c.lastName, later.lastName}, {&c.phone, later.phone},
		{&c.country, later.country}, {&c.language, later.language}, {&c.timezone, later.timezone},
		{&c.email, later.email}, {&c.key, later.key},
	} {
		if f.from != nil {
			*f.to = f.from
		}
	}
	if later.createdAt != nil {
		c.createdAt = later.createdAt
	}
	for topic, state := range later.topics {
		c.topics[topic] = state
	}
	c.decide(later.decided)
	switch {
	case later.attributes == nil:
	case c.attributes == nil:
		c.attributes = later.attributes
	default:
		var both map[string]json.RawMessage
		for _, data := range []string{*c.attributes, *later.attributes} {
			if err := json.Unmarshal([]byte(data), &both); err != nil { // into what is there already
				return c, fmt.Errorf("read staged attributes: %w", err)
			}
		}
		data, err := json.Marshal(both)
		if err != nil {
			return c, fmt.Errorf("read staged attributes: %w", err)
		}
		s := string(data)
		c.attributes = &s
	}
	return c, nil
}
