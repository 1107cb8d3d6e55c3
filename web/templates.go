package web

import (
	"context"
	"math"
	"net/http"
	"time"

	"posthorn/internal/fault"
	"posthorn/templates"
)

// TemplateSource is the written parts of a mail.
type TemplateSource struct {
	Subject   string `json:"subject" example:"{{ contact.first_name | default: 'Hello' }}, a grinder for your coffee"`
	Preheader string `json:"preheader,omitempty" example:"Freshly ground is better"`
	HTML      string `json:"html,omitempty" doc:"The body as HTML. Exactly one of html and mjml is needed."`
	MJML      string `json:"mjml,omitempty" doc:"The body as MJML."`
	Text      string `json:"text,omitempty" doc:"The plain text part. Default: made of the HTML."`
}

func (s TemplateSource) source() templates.Source {
	return templates.Source{Subject: s.Subject, Preheader: s.Preheader, HTML: s.HTML, MJML: s.MJML, Text: s.Text}
}

// TemplateFields is a template as it is written.
type TemplateFields struct {
	Name string `json:"name" maxLength:"200" example:"Grinder follow-up"`
	TemplateSource
}

var templateExample = map[string]any{
	"name":      "Grinder follow-up",
	"subject":   "{{ contact.first_name | default: 'Hello' }}, a grinder for your coffee",
	"preheader": "Freshly ground is better",
	"html":      "<p>Dear {{ contact.first_name }},</p><p>…</p><p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>",
}

// TemplateSaved is a template, and what the check thinks of it.
type TemplateSaved struct {
	templates.Template
	Problems []templates.Problem `json:"problems" doc:"Warnings only: a template with an error is not saved."`
}

type TemplatePath struct {
	ID int64 `path:"id" example:"1"`
}

type postTemplateInput struct {
	Body TemplateFields
}

var postTemplateDoc = operation{
	Description: "Liquid is checked, MJML is compiled and CSS inlined now. Errors refuse the template (422, with part, line and column); warnings come along with it. docs/templates.md lists the names that can be used.",
	Example:     templateExample,
	Status:      http.StatusCreated,
	Limit:       templateLimit,
}

func (a *api) postTemplate(ctx context.Context, in *postTemplateInput) (*reply[TemplateSaved], error) {
	return saved(templates.Create(ctx, a.pool, a.now(), in.Body.Name, in.Body.source(), templates.By(whoIs(ctx).Name)))
}

func saved(t templates.Template, problems []templates.Problem, err error) (*reply[TemplateSaved], error) {
	if err != nil {
		return nil, err
	}
	return ok(TemplateSaved{Template: t, Problems: orNone(problems)}), nil
}

var getTemplateDoc = operation{Description: "The template in its newest version."}

func (a *api) getTemplate(ctx context.Context, in *TemplatePath) (*reply[templates.Template], error) {
	return respond(templates.Get(ctx, a.pool, in.ID))
}

// respond is the reply to what a package returned.
func respond[T any](body T, err error) (*reply[T], error) {
	if err != nil {
		return nil, err
	}
	return ok(body), nil
}

type listTemplatesInput struct {
	Paging
	Query    string `query:"query" maxLength:"200" doc:"Part of the name or the subject, upper and lower case alike."`
	Archived bool   `query:"archived" doc:"Archived ones, and no others."`
}

var listTemplatesDoc = operation{Description: "Those changed last first, without their sources. At most 200 on a page."}

func (a *api) listTemplates(ctx context.Context, in *listTemplatesInput) (*reply[Page[templates.Summary]], error) {
	cursor, err := in.text()
	if err != nil {
		return nil, err
	}
	s := templates.Selection{Query: in.Query, Archived: in.Archived, Limit: in.Limit}
	if cursor != "" {
		if s.Cursor, err = templates.ParseCursor(cursor); err != nil {
			return nil, fault.Invalidf("query.cursor", "is not a cursor of this list; pass next_cursor of the page before as it is")
		}
	}
	list, next, err := templates.List(ctx, a.pool, s)
	if err != nil {
		return nil, err
	}
	return pageOf(list, next.String()), nil
}

type putTemplateInput struct {
	TemplatePath
	Body struct {
		TemplateFields
		Version int `json:"version,omitempty" minimum:"1" example:"1" doc:"The version that was changed. 409 where somebody has saved a newer one meanwhile. Left out: not looked at."`
	}
}

var putTemplateDoc = operation{
	Description: "Versions are never edited: this writes the next one. Runs that have begun go on with the version they began with.",
	Example:     templateExample,
	Limit:       templateLimit,
	Errors:      conflict,
}

func (a *api) putTemplate(ctx context.Context, in *putTemplateInput) (*reply[TemplateSaved], error) {
	return saved(templates.Update(ctx, a.pool, a.now(), in.ID, in.Body.Name, in.Body.source(), templates.By(whoIs(ctx).Name), templates.Over(in.Body.Version)))
}

var (
	deleteTemplateDoc = operation{
		Description: "For good, with all its versions. 409 where a campaign or journey names it, or a mail was sent with it: archive it then.",
		Status:      http.StatusNoContent,
		Errors:      conflict,
	}
	archiveTemplateDoc = operation{
		Description: "It is not offered any more and cannot be changed; what is under way with it goes on, and what was sent can still be shown. 409 while a campaign or journey that has not ended uses it; the answer names them.",
		Errors:      conflict,
	}
	unarchiveTemplateDoc = operation{Description: "It can be used and changed again."}
)

func (a *api) deleteTemplate(ctx context.Context, in *TemplatePath) (*none, error) {
	return nil, templates.Delete(ctx, a.pool, in.ID)
}

func (a *api) archiveTemplate(ctx context.Context, in *TemplatePath) (*reply[templates.Template], error) {
	return respond(templates.Archive(ctx, a.pool, a.now(), in.ID))
}

func (a *api) unarchiveTemplate(ctx context.Context, in *TemplatePath) (*reply[templates.Template], error) {
	return respond(templates.Unarchive(ctx, a.pool, in.ID))
}

type duplicateTemplateInput struct {
	TemplatePath
	Body struct {
		Name string `json:"name,omitempty" maxLength:"200" example:"Grinder follow-up, winter" doc:"Default: the name of the other, with (copy) behind."`
	}
}

var duplicateTemplateDoc = operation{
	Description: "A new template of the newest version of another.",
	Example:     map[string]any{"name": "Grinder follow-up, winter"},
	Status:      http.StatusCreated,
}

func (a *api) duplicateTemplate(ctx context.Context, in *duplicateTemplateInput) (*reply[TemplateSaved], error) {
	return saved(templates.Duplicate(ctx, a.pool, a.now(), in.ID, in.Body.Name, templates.By(whoIs(ctx).Name)))
}

// TemplateUses is what names a template.
type TemplateUses struct {
	Items []templates.Use `json:"items" doc:"At most 100. Those that have not ended come first."`
}

var getTemplateUsesDoc = operation{Description: "Campaigns, and journeys by their newest and their live version. While one of them has not ended, the template can be neither archived nor deleted."}

func (a *api) getTemplateUses(ctx context.Context, in *TemplatePath) (*reply[TemplateUses], error) {
	list, err := templates.Uses(ctx, a.pool, in.ID)
	return respond(TemplateUses{Items: orNone(list)}, err)
}

// TemplateVersion is a version with its sources.
type TemplateVersion struct {
	Version      int       `json:"version" example:"2"`
	CreatedAt    time.Time `json:"created_at"`
	CreatedBy    string    `json:"created_by" doc:"Empty: not known."`
	RestoredFrom *int      `json:"restored_from" doc:"The version that was brought back; null: it was written."`
	TemplateSource
}

func templateVersion(v templates.Version) TemplateVersion {
	return TemplateVersion{
		Version: v.Version, CreatedAt: v.CreatedAt, CreatedBy: v.CreatedBy, RestoredFrom: v.RestoredFrom,
		TemplateSource: TemplateSource{Subject: v.Subject, Preheader: v.Preheader, HTML: v.HTML, MJML: v.MJML, Text: v.Text},
	}
}

type listTemplateVersionsInput struct {
	TemplatePath
	Paging
	Sources bool `query:"sources" default:"true" doc:"false: without preheader, html, mjml and text."`
}

// maxVersions bounds a page of versions, which are large.
const maxVersions = 20

var listTemplateVersionsDoc = operation{Description: "The newest first: who saved it, and what. With sources at most 20 on a page, else at most 200."}

func (a *api) listTemplateVersions(ctx context.Context, in *listTemplateVersionsInput) (*reply[Page[TemplateVersion]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	limit := min(in.Limit, 200)
	if in.Sources {
		limit = min(limit, maxVersions)
	}
	found, err := templates.Versions(ctx, a.pool, in.ID, int(min(cursor, math.MaxInt32)), limit+1)
	if err != nil {
		return nil, err
	}
	next := int64(0)
	if len(found) > limit {
		found = found[:limit]
		next = int64(found[limit-1].Version)
	}
	list := make([]TemplateVersion, len(found))
	for i, v := range found {
		if !in.Sources {
			list[i] = TemplateVersion{Version: v.Version, CreatedAt: v.CreatedAt, CreatedBy: v.CreatedBy, RestoredFrom: v.RestoredFrom, TemplateSource: TemplateSource{Subject: v.Subject}}
			continue
		}
		full, err := templates.GetVersion(ctx, a.pool, in.ID, v.Version)
		if err != nil {
			return nil, err
		}
		list[i] = templateVersion(full)
	}
	return pageByID(list, next), nil
}

type templateVersionPath struct {
	TemplatePath
	Version int `path:"version" minimum:"1" maximum:"1000000000" example:"2"`
}

var getTemplateVersionDoc = operation{Description: "As it was saved."}

func (a *api) getTemplateVersion(ctx context.Context, in *templateVersionPath) (*reply[TemplateVersion], error) {
	v, err := templates.GetVersion(ctx, a.pool, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	return ok(templateVersion(v)), nil
}

type restoreTemplateInput struct {
	TemplatePath
	Body struct {
		Version int `json:"version" minimum:"1" maximum:"1000000000" example:"1" doc:"What is brought back."`
	}
}

var restoreTemplateDoc = operation{
	Description: "Writes a new version with the sources of an earlier one; nothing is lost. It is checked like any other: what was right once may be refused today.",
	Example:     map[string]any{"version": 1},
	Errors:      conflict,
}

func (a *api) restoreTemplate(ctx context.Context, in *restoreTemplateInput) (*reply[TemplateSaved], error) {
	return saved(templates.Restore(ctx, a.pool, a.now(), in.ID, in.Body.Version, templates.By(whoIs(ctx).Name)))
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
