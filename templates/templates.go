// Package templates turns what a marketer writes into what a contact reads.
//
// A template is a subject, a preheader, a body (HTML or MJML) and a plain text
// part, all with Liquid in them. Its way has two stages, which never mix:
//
//  1. Saving (Compile, Create, Update). The Liquid is checked: syntax, names,
//     filters, nesting, each with line and column. MJML becomes HTML, CSS is
//     inlined, the plain text is derived where none was written, and the whole is
//     rendered once for a contact with everything and once for one with nothing.
//     What comes out is still Liquid, over finished HTML. Every save writes a new
//     version; a version is never changed, so what a run sent can always be shown.
//  2. Sending (NewRenderer, Render). A version is parsed once and rendered for each
//     contact from its Facts. Values are HTML-escaped in HTML, addresses of links
//     are checked, and time and memory are bounded.
//
// A name that is not documented in docs/templates.md is an error when saving. A
// documented name without a value, such as the first name of a contact that has
// none, is empty when sending, and false in a condition.
//
// Both stages stop at the same limits (see budget): a template that passes the
// check may still fail for one contact, because of a division by zero for example.
// Then Render returns an error, and no half mail.
package templates

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// Source is a mail as it is written. Subject is needed, and one of HTML and MJML,
// or Text alone. Text is derived from the HTML where it is empty.
type Source struct {
	Subject   string `json:"subject"`
	Preheader string `json:"preheader"` // what mail programs show next to the subject
	HTML      string `json:"html"`
	MJML      string `json:"mjml"`
	Text      string `json:"text"`
}

// Template is a named series of versions, shown with the source of the newest.
type Template struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Version int    `json:"version"` // the newest
	Source
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	UpdatedBy  string     `json:"updated_by"`  // who saved the newest version; "": not known
	ArchivedAt *time.Time `json:"archived_at"` // null: it is in use, or can be
}

// Version is one state of a template, as it was saved.
type Version struct {
	TemplateID   int64
	Version      int
	Subject      string
	Preheader    string
	HTML         string
	MJML         string
	Text         string
	CompiledHTML string // Liquid over finished HTML; empty where only text was written
	CompiledText string // Liquid over plain text
	CreatedAt    time.Time
	CreatedBy    string // "": not known
	RestoredFrom *int   // the version that was brought back; nil: it was written
}

// Source is the version as it was written.
func (v Version) Source() Source {
	return Source{Subject: v.Subject, Preheader: v.Preheader, HTML: v.HTML, MJML: v.MJML, Text: v.Text}
}

const maxName = 200 // characters

// Option says more about a save.
type Option func(*saving)

type saving struct {
	by       string
	over     int
	restored *int
}

// By notes who saves.
func By(name string) Option { return func(s *saving) { s.by = name } }

// Over is the version that was changed: where somebody else has saved a newer one
// meanwhile, Update refuses with a fault.Conflict instead of hiding their work. 0: not
// looked at.
func Over(version int) Option { return func(s *saving) { s.over = version } }

func said(opts []Option) saving {
	var s saving
	for _, o := range opts {
		o(&s)
	}
	return s
}

// Create saves the first version of a new template. Warnings come along with it;
// errors refuse it, as fault.Invalid or fault.List with the part as the field and
// line and column in the message.
func Create(ctx context.Context, db postgres.DB, now time.Time, name string, src Source, opts ...Option) (Template, []Problem, error) {
	name, compiled, problems, err := prepare(name, src)
	if err != nil {
		return Template{}, problems, err
	}
	how := said(opts)
	t := Template{Name: name, Version: 1, Source: src, CreatedAt: now, UpdatedAt: now, UpdatedBy: how.by}
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO templates (name, version, created_at, updated_at)
			VALUES ($1, 1, $2, $2)
			RETURNING id`, name, now).Scan(&t.ID)
		if err != nil {
			return err
		}
		return insertVersion(ctx, tx, now, t.ID, 1, src, compiled, how)
	})
	if err != nil {
		return Template{}, problems, fmt.Errorf("create template: %w", err)
	}
	return t, problems, nil
}

// Update saves the next version of a template. Where nothing but the name differs
// from the newest version, only the name is changed. Errors are those of Create,
// fault.NotFound, and fault.Conflict where it is archived (and see Over).
func Update(ctx context.Context, db postgres.DB, now time.Time, id int64, name string, src Source, opts ...Option) (Template, []Problem, error) {
	name, compiled, problems, err := prepare(name, src)
	if err != nil {
		return Template{}, problems, err
	}
	how := said(opts)
	var t Template
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		// The lock makes two updates at once two versions, one after the other.
		if _, err := tx.Exec(ctx, `SELECT id FROM templates WHERE id = $1 FOR UPDATE`, id); err != nil {
			return err
		}
		t, err = Get(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case t.ArchivedAt != nil:
			return fault.Conflictf("archived", "the template is archived; bring it back to change it")
		case how.over != 0 && how.over != t.Version:
			return fault.Conflictf(fmt.Sprintf("version %d", t.Version), "somebody has saved version %d meanwhile, and this is a change of version %d: look at theirs first", t.Version, how.over)
		case t.Name == name && t.Source == src:
			return nil
		}
		if t.Source != src {
			t.Version++
			t.UpdatedBy = how.by
			if err := insertVersion(ctx, tx, now, id, t.Version, src, compiled, how); err != nil {
				return err
			}
		}
		t.Name, t.Source, t.UpdatedAt = name, src, now
		_, err = tx.Exec(ctx, `
			UPDATE templates SET name = $2, version = $3, updated_at = $4
			WHERE id = $1`, id, name, t.Version, now)
		return err
	})
	if err != nil {
		return Template{}, problems, fmt.Errorf("update template: %w", err)
	}
	return t, problems, nil
}

// prepare checks and compiles what is to be saved, and returns the trimmed name.
func prepare(name string, src Source) (string, Compiled, []Problem, error) {
	var bad fault.List
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		bad.Add("name", "is missing")
	case utf8.RuneCountInString(name) > maxName:
		bad.Add("name", "is longer than %d characters", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isControl):
		bad.Add("name", "has control characters such as a line break in it")
	}
	compiled, problems := Compile(src)
	for _, p := range problems {
		if p.Severity == SeverityError {
			bad.Add(p.Part, "%s", p.where()+p.Message)
		}
	}
	return name, compiled, problems, bad.Err()
}

func insertVersion(ctx context.Context, tx pgx.Tx, now time.Time, id int64, version int, src Source, compiled Compiled, how saving) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO template_versions (template_id, version, subject, preheader, html, mjml, text,
		                               compiled_html, compiled_text, created_at, created_by, restored_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		id, version, src.Subject, src.Preheader, src.HTML, src.MJML, src.Text, compiled.HTML, compiled.Text, now, how.by, how.restored)
	return err
}

const selectTemplate = `
	SELECT t.id, t.name, t.version, v.subject, v.preheader, v.html, v.mjml, v.text, t.created_at, t.updated_at, v.created_by, t.archived_at
	FROM templates t
	JOIN template_versions v ON v.template_id = t.id AND v.version = t.version`

func scanTemplate(row pgx.CollectableRow) (Template, error) {
	var t Template
	err := row.Scan(&t.ID, &t.Name, &t.Version, &t.Subject, &t.Preheader, &t.HTML, &t.MJML, &t.Text, &t.CreatedAt, &t.UpdatedAt,
		&t.UpdatedBy, &t.ArchivedAt)
	return t, err
}

// Get returns a template with its newest version, or fault.NotFound.
func Get(ctx context.Context, db postgres.DB, id int64) (Template, error) {
	rows, err := db.Query(ctx, selectTemplate+` WHERE t.id = $1`, id)
	if err != nil {
		return Template{}, fmt.Errorf("get template: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scanTemplate)
	if errors.Is(err, pgx.ErrNoRows) {
		return Template{}, fault.NotFoundf("template", id)
	}
	if err != nil {
		return Template{}, fmt.Errorf("get template: %w", err)
	}
	return t, nil
}

// Named returns the template of a name, and whether there is one. Archived ones are
// passed over. Names need not be unique: where several templates have it, that is a
// fault.Conflict.
func Named(ctx context.Context, db postgres.DB, name string) (Template, bool, error) {
	rows, err := db.Query(ctx, selectTemplate+` WHERE t.name = $1 AND t.archived_at IS NULL ORDER BY t.id LIMIT 2`, name)
	if err != nil {
		return Template{}, false, fmt.Errorf("find template %q: %w", name, err)
	}
	list, err := pgx.CollectRows(rows, scanTemplate)
	switch {
	case err != nil:
		return Template{}, false, fmt.Errorf("find template %q: %w", name, err)
	case len(list) == 0:
		return Template{}, false, nil
	case len(list) > 1:
		return Template{}, false, fault.Conflictf("", "several templates are named %q (ids %d and %d): give them names of their own", name, list[0].ID, list[1].ID)
	}
	return list[0], true, nil
}

// GetVersion returns one version of a template, or fault.NotFound.
func GetVersion(ctx context.Context, db postgres.DB, id int64, version int) (Version, error) {
	v := Version{TemplateID: id, Version: version}
	err := db.QueryRow(ctx, `
		SELECT subject, preheader, html, mjml, text, compiled_html, compiled_text, created_at, created_by, restored_from
		FROM template_versions
		WHERE template_id = $1 AND version = $2`, id, version).
		Scan(&v.Subject, &v.Preheader, &v.HTML, &v.MJML, &v.Text, &v.CompiledHTML, &v.CompiledText, &v.CreatedAt, &v.CreatedBy, &v.RestoredFrom)
	if errors.Is(err, pgx.ErrNoRows) {
		return Version{}, fault.NotFoundf("template version", fmt.Sprintf("%d.%d", id, version))
	}
	if err != nil {
		return Version{}, fmt.Errorf("get template version: %w", err)
	}
	return v, nil
}
