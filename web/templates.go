package web

import (
	"context"
	"net/http"
	"time"

	"posthorn/contacts"
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
	t, problems, err := templates.Create(ctx, a.pool, a.now(), in.Body.Name, in.Body.source())
	if err != nil {
		return nil, err
	}
	return ok(TemplateSaved{Template: t, Problems: orNone(problems)}), nil
}

var getTemplateDoc = operation{Description: "The template in its newest version."}

func (a *api) getTemplate(ctx context.Context, in *TemplatePath) (*reply[templates.Template], error) {
	t, err := templates.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(t), nil
}

var listTemplatesDoc = operation{Description: "All templates, page by page."}

func (a *api) listTemplates(ctx context.Context, in *Paging) (*reply[Page[templates.Template]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := templates.List(ctx, a.pool, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

type putTemplateInput struct {
	TemplatePath
	Body TemplateFields
}

var putTemplateDoc = operation{
	Description: "Versions are never edited: this writes the next one. Runs that have begun go on with the version they began with.",
	Example:     templateExample,
	Limit:       templateLimit,
}

func (a *api) putTemplate(ctx context.Context, in *putTemplateInput) (*reply[TemplateSaved], error) {
	t, problems, err := templates.Update(ctx, a.pool, a.now(), in.ID, in.Body.Name, in.Body.source())
	if err != nil {
		return nil, err
	}
	return ok(TemplateSaved{Template: t, Problems: orNone(problems)}), nil
}

type checkTemplateInput struct {
	Body struct {
		Source TemplateSource `json:"source"`
	}
}

// TemplateCheck is what the check found.
type TemplateCheck struct {
	OK       bool                `json:"ok" doc:"It could be saved: no problem is an error."`
	Problems []templates.Problem `json:"problems"`
	HTML     string              `json:"html,omitempty" doc:"The compiled HTML, with its Liquid."`
	Text     string              `json:"text,omitempty" doc:"The compiled text, with its Liquid."`
}

var checkTemplateDoc = operation{
	Description: "What saving would say, for an editor that checks while one writes.",
	Example:     map[string]any{"source": map[string]any{"subject": "Hello {{ contact.first_name }}", "html": "<p>…</p>"}},
	Limit:       templateLimit,
}

func (a *api) checkTemplate(_ context.Context, in *checkTemplateInput) (*reply[TemplateCheck], error) {
	compiled, problems := templates.Compile(in.Body.Source.source())
	out := TemplateCheck{OK: true, Problems: orNone(problems), HTML: compiled.HTML, Text: compiled.Text}
	for _, p := range problems {
		if p.Severity == "error" {
			out.OK = false
		}
	}
	return ok(out), nil
}

type previewTemplateInput struct {
	TemplatePath
	Body struct {
		ContactExternalID string `json:"contact_external_id,omitempty" maxLength:"200" example:"C-1001" doc:"Default: a made-up contact."`
		Version           int    `json:"version,omitempty" minimum:"1" doc:"Default: the newest."`
	}
}

// Preview is a mail as one contact would see it.
type Preview struct {
	Version int    `json:"version" example:"1"`
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
}

var previewTemplateDoc = operation{
	Description: "The mail as the contact would see it now, with last order and all. Its unsubscribe link leads nowhere.",
	Example:     map[string]any{"contact_external_id": "C-1001"},
}

func (a *api) previewTemplate(ctx context.Context, in *previewTemplateInput) (*reply[Preview], error) {
	t, err := templates.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	number := in.Body.Version
	if number == 0 {
		number = t.Version
	}
	version, err := templates.GetVersion(ctx, a.pool, in.ID, number)
	if err != nil {
		return nil, err
	}
	facts, err := a.previewFacts(ctx, in.Body.ContactExternalID)
	if err != nil {
		return nil, err
	}
	renderer, err := templates.NewRenderer(version)
	if err != nil {
		return nil, err
	}
	data := templates.Data{Facts: facts, UnsubscribeURL: a.baseURL + "/u/preview"}
	data.Campaign.Name, data.Campaign.Topic = "Preview", "news"
	mail, err := renderer.Render(ctx, data)
	if err != nil {
		// What goes wrong here goes wrong because of what the template says.
		return nil, fault.Invalidf("template", "does not render for this contact: %s", err)
	}
	return ok(Preview{Version: number, Subject: mail.Subject, HTML: mail.HTML, Text: mail.Text}), nil
}

func (a *api) previewFacts(ctx context.Context, externalID string) (templates.Facts, error) {
	if externalID == "" {
		return templates.SampleFacts(), nil
	}
	c, err := contacts.ByExternalID(ctx, a.pool, externalID)
	if err != nil {
		return templates.Facts{}, err
	}
	facts, err := templates.LoadFacts(ctx, a.pool, []int64{c.ID})
	if err != nil {
		return templates.Facts{}, err
	}
	return facts[c.ID], nil
}

// TemplateVersion is a version as lists show it.
type TemplateVersion struct {
	Version   int       `json:"version" example:"2"`
	CreatedAt time.Time `json:"created_at"`
	TemplateSource
}

var listTemplateVersionsDoc = operation{Description: "Every version with its sources, the newest first."}

func (a *api) listTemplateVersions(ctx context.Context, in *listTemplateVersionsInput) (*reply[Page[TemplateVersion]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	t, err := templates.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	// Versions are numbered without gaps, so the cursor is the number of the next one.
	number := t.Version
	if cursor > 0 {
		number = min(number, int(cursor))
	}
	var list []TemplateVersion
	for ; number >= 1 && len(list) < min(in.Limit, maxVersions); number-- {
		v, err := templates.GetVersion(ctx, a.pool, in.ID, number)
		if err != nil {
			return nil, err
		}
		list = append(list, TemplateVersion{
			Version:        v.Version,
			CreatedAt:      v.CreatedAt,
			TemplateSource: TemplateSource{Subject: v.Subject, Preheader: v.Preheader, HTML: v.HTML, MJML: v.MJML, Text: v.Text},
		})
	}
	return pageByID(list, int64(max(number, 0))), nil
}

// maxVersions bounds a page of versions, which are large.
const maxVersions = 20

type listTemplateVersionsInput struct {
	TemplatePath
	Paging
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
