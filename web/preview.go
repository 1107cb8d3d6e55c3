package web

import (
	"context"
	"mime/multipart"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	xhtml "golang.org/x/net/html"

	"posthorn/internal/fault"
	"posthorn/templates"
)

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
	Description: "What saving would say, for an editor that checks while one writes: errors and warnings with part, line, column and length, each from 1 and in characters (Unicode code points).",
	Example:     map[string]any{"source": map[string]any{"subject": "Hello {{ contact.first_name }}", "html": "<p>…</p>"}},
	Limit:       templateLimit,
}

func (a *api) checkTemplate(ctx context.Context, in *checkTemplateInput) (*reply[TemplateCheck], error) {
	done, err := a.edit(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	compiled, problems := templates.Compile(in.Body.Source.source())
	return ok(TemplateCheck{OK: !failed(problems), Problems: orNone(problems), HTML: compiled.HTML, Text: compiled.Text}), nil
}

// edit waits until no more than a few templates are being compiled.
func (a *api) edit(ctx context.Context) (done func(), err error) {
	select {
	case a.editing <- struct{}{}:
		return func() { <-a.editing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func failed(problems []templates.Problem) bool {
	for _, p := range problems {
		if p.Severity == templates.SeverityError {
			return true
		}
	}
	return false
}

// PreviewAs says whom a mail is shown as.
type PreviewAs struct {
	ContactExternalID string `json:"contact_external_id,omitempty" maxLength:"200" example:"C-1001" doc:"Default: a made-up contact."`
	OrderID           string `json:"order_id,omitempty" maxLength:"200" example:"O-77" doc:"The contact's order that stands for the one which triggers the mail. Default: their newest."`
	Event             string `json:"event,omitempty" maxLength:"200" example:"left a cart" doc:"The name of the event that stands for the one which triggers the mail, of which the contact's newest is taken. Default: of any name."`
	Sample            string `json:"sample,omitempty" enum:"full,bare" doc:"Without contact_external_id: a made-up contact with an order and an event, or one of whom nothing but the address is known. Default: full."`
}

func (p PreviewAs) as() templates.PreviewAs {
	return templates.PreviewAs{Contact: p.ContactExternalID, Order: p.OrderID, Event: p.Event, Bare: p.Sample == "bare"}
}

// Preview is a mail as one contact would see it.
type Preview struct {
	Version   int           `json:"version,omitempty" example:"1" doc:"Of a saved template."`
	Subject   string        `json:"subject"`
	Preheader string        `json:"preheader" doc:"What mail programs show next to the subject. Empty: they show the beginning of the mail."`
	HTML      string        `json:"html" doc:"Empty: the mail is text alone."`
	Text      string        `json:"text"`
	HTMLBytes int           `json:"html_bytes" example:"18230"`
	TextBytes int           `json:"text_bytes" example:"1021"`
	ClipBytes int           `json:"clip_bytes" example:"104448" doc:"Gmail cuts off a mail whose HTML is larger."`
	OrderID   string        `json:"order_id,omitempty" doc:"The order that stands for the triggering one; left out where the contact has none."`
	Event     *PreviewEvent `json:"event,omitempty" doc:"The event that stands for the triggering one; left out where the contact has none."`
}

// PreviewEvent is an event that a mail is shown with.
type PreviewEvent struct {
	Name       string    `json:"name"`
	OccurredAt time.Time `json:"occurred_at"`
}

func preview(m templates.Shown, facts templates.Facts) Preview {
	p := Preview{
		Subject: m.Subject, Preheader: m.Preheader, HTML: m.HTML, Text: m.Text,
		HTMLBytes: len(m.HTML), TextBytes: len(m.Text), ClipBytes: templates.ClipSize,
	}
	if facts.Order != nil {
		p.OrderID = facts.Order.ID
	}
	if facts.Event != nil {
		p.Event = &PreviewEvent{Name: facts.Event.Name, OccurredAt: facts.Event.OccurredAt}
	}
	return p
}

// previewData is what a preview is rendered with.
func (a *api) previewData(ctx context.Context, as PreviewAs) (templates.Data, error) {
	facts, err := templates.LoadPreview(ctx, a.pool, as.as())
	return templates.Data{
		Facts:          facts,
		Campaign:       templates.Campaign{Name: "Preview", Topic: "news"},
		UnsubscribeURL: a.baseURL + "/u/preview",
	}, err
}

type previewTemplateInput struct {
	TemplatePath
	Body struct {
		PreviewAs
		Version int `json:"version,omitempty" minimum:"1" maximum:"1000000000" doc:"Default: the newest."`
	}
}

var previewTemplateDoc = operation{
	Description: "The mail as the contact would see it now, with last order and all; their newest order and event stand for what triggers a mail of a journey. Its unsubscribe link leads nowhere.",
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
	data, err := a.previewData(ctx, in.Body.PreviewAs)
	if err != nil {
		return nil, err
	}
	done, err := a.edit(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	mail, err := templates.Show(ctx, version, data)
	if err != nil {
		// What goes wrong here goes wrong because of what the template says.
		return nil, fault.Invalidf("template", "does not render for this contact: %s", err)
	}
	out := preview(mail, data.Facts)
	out.Version = number
	return ok(out), nil
}

type previewSourceInput struct {
	Body struct {
		PreviewAs
		Source TemplateSource `json:"source"`
	}
}

// SourcePreview is a preview of what is not saved, and what the check thinks of it.
type SourcePreview struct {
	Preview
	OK       bool                `json:"ok" doc:"It could be saved, and renders for this contact. Where not, there is no mail to show: problems say why."`
	Problems []templates.Problem `json:"problems"`
}

var previewSourceDoc = operation{
	Description: "Checks a source as saving would, and shows it as a contact would see it. What is wrong with it is answered with 200 and `problems`, for an editor that shows the mail while one writes.",
	Example:     map[string]any{"source": map[string]any{"subject": "Hello {{ contact.first_name }}", "html": "<p>…</p>"}, "contact_external_id": "C-1001"},
	Limit:       templateLimit,
}

func (a *api) previewSource(ctx context.Context, in *previewSourceInput) (*reply[SourcePreview], error) {
	data, err := a.previewData(ctx, in.Body.PreviewAs)
	if err != nil {
		return nil, err
	}
	done, err := a.edit(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	mail, problems := templates.TryOut(ctx, in.Body.Source.source(), data)
	if ctx.Err() != nil { // and not the template's fault
		return nil, ctx.Err()
	}
	return ok(SourcePreview{Preview: preview(mail, data.Facts), OK: !failed(problems), Problems: orNone(problems)}), nil
}

type previewPageInput struct {
	RawBody multipart.Form
}

// page is an answer that is shown in a frame.
type page struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Frames      string `header:"X-Frame-Options"`
	Body        []byte
}

var previewPageDoc = operation{
	Description: "What the form field `html` holds, as a page for a frame of the web app. A Content-Security-Policy takes everything from it that a mail does not need: scripts, forms, an origin; " +
		"and pictures from elsewhere, which would tell their sender, unless `pictures` is 1. With `dark` it is shown as a program with a dark background would: by the mail's own rules for it, or else with its colours turned around.",
	Limit: previewPageLimit,
}

const previewPageLimit = 4 << 20

func (a *api) previewPage(_ context.Context, in *previewPageInput) (*page, error) {
	field := func(name string) string {
		if values := in.RawBody.Value[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	html, pictures := field("html"), field("pictures") == "1"
	if html == "" {
		return nil, fault.Invalidf("html", "is missing: send a form with the field html")
	}
	html = withoutLoading(html, pictures)
	if field("dark") == "1" {
		html = dark(html)
	}
	return &page{
		ContentType: "text/html; charset=utf-8",
		Policy:      previewPolicy(pictures),
		Frames:      "SAMEORIGIN",
		Body:        []byte(inHead(html, `<base target="_blank">`)), // where no link leads: the sandbox has no windows
	}, nil
}

// previewPolicy is what a mail that is looked at may do: look.
func previewPolicy(pictures bool) string {
	from := "data:"
	if pictures {
		from = "data: https: http:"
	}
	return strings.Join([]string{
		"sandbox",
		"default-src 'none'",
		"style-src 'unsafe-inline'",
		"img-src " + from,
		"form-action 'none'",
		"frame-ancestors 'self'",
	}, "; ")
}

// withoutLoading takes out what the policy would not let load, so that it is not tried: style
// sheets and fonts from elsewhere and, unless they are wanted, pictures, of which the alternative
// text is shown in a box, as mail programs do. All else stays as it was written.
func withoutLoading(html string, pictures bool) string {
	var b strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(html))
	inStyle, hidden := false, false
	for kind := z.Next(); kind != xhtml.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		name, _ := z.TagName()
		switch tag := string(name); {
		case kind == xhtml.TextToken && inStyle:
			raw = importRule.ReplaceAllString(raw, "")
		case kind != xhtml.StartTagToken && kind != xhtml.SelfClosingTagToken:
			inStyle = false
		case tag == "link":
			raw = ""
		case tag == "style":
			inStyle = true
		case !pictures && fromElsewhere.MatchString(raw):
			raw = fromElsewhere.ReplaceAllString(raw, "")
			if tag == "img" {
				raw = "<img data-hidden" + raw[len("<img"):]
				hidden = true
			}
		}
		b.WriteString(raw)
	}
	if hidden {
		return inHead(b.String(), `<style>img[data-hidden]{display:inline-block;min-width:24px;min-height:24px;outline:1px dashed #999;background:#f4f4f4;color:#555;font:12px/1.3 sans-serif;overflow:hidden}</style>`)
	}
	return b.String()
}

var (
	importRule    = regexp.MustCompile(`(?i)@import[^;]*;?`)
	fromElsewhere = regexp.MustCompile(`(?i)\s(?:src|srcset|background)\s*=\s*(?:"\s*(?:https?:)?//[^"]*"|'\s*(?:https?:)?//[^']*'|(?:https?:)?//[^\s>]*)`)

	headTag   = regexp.MustCompile(`(?i)<head(\s[^>]*)?>`)
	doctype   = regexp.MustCompile(`(?i)^\s*<!doctype[^>]*>`)
	darkRules = regexp.MustCompile(`(?i)\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)`)
)

// inHead puts something at the beginning of a document.
func inHead(html, what string) string {
	at := headTag.FindStringIndex(html)
	if at == nil {
		at = doctype.FindStringIndex(html)
	}
	if at == nil {
		return what + html
	}
	return html[:at[1]] + what + html[at[1]:]
}

// dark has a mail look as where the background is dark: its own rules for that hold, or
// colours are turned around, as programs do with mails that have none.
func dark(html string) string {
	if !darkRules.MatchString(html) {
		return inHead(html, `<style>html{background:#fff;filter:invert(1) hue-rotate(180deg)}img{filter:invert(1) hue-rotate(180deg)}</style>`)
	}
	return darkRules.ReplaceAllStringFunc(html, func(rule string) string {
		if strings.Contains(strings.ToLower(rule), "dark") {
			return "(min-width:0)"
		}
		return "(max-width:0)"
	})
}

// VariableName is the name of a variable; its schema lists all.
type VariableName string

// Schema lists all names, so that a program that has words for them is told when one is new.
func (VariableName) Schema(huma.Registry) *huma.Schema {
	return enum(templates.Variables(), variableName)
}

// FilterName is the name of a filter.
type FilterName string

// Schema lists all names.
func (FilterName) Schema(huma.Registry) *huma.Schema { return enum(templates.Filters(), filterName) }

// TagName is the name of a tag.
type TagName string

// Schema lists all names.
func (TagName) Schema(huma.Registry) *huma.Schema { return enum(templates.Tags, tagName) }

func variableName(v templates.Variable) string { return v.Name }
func filterName(f templates.Filter) string     { return f.Name }
func tagName(t templates.Tag) string           { return t.Name }

func enum[T any](list []T, name func(T) string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range list {
		s.Enum = append(s.Enum, name(v))
	}
	return s
}

// TemplateVariables is what a template can use.
type TemplateVariables struct {
	Variables []TemplateVariable `json:"variables"`
	Filters   []TemplateFilter   `json:"filters"`
	Tags      []TemplateTag      `json:"tags"`
	InUse     templates.InUse    `json:"in_use" doc:"What the newest 1,000 contacts and events hold besides."`
}

// TemplateVariable is a name with what it stands for.
type TemplateVariable struct {
	Name        VariableName `json:"name"`
	Type        string       `json:"type" enum:"text,number,time,boolean,link,list,object,any"`
	Group       string       `json:"group" enum:"contact,last_order,item,order,event,mail,forloop"`
	Available   string       `json:"available" enum:"always,where_known,with_order,order_journey,event_journey,campaign,items,loop" doc:"Where it has a value. Elsewhere it prints nothing and is false. items: in a loop over the items of an order."`
	Example     string       `json:"example" doc:"As it prints for the made-up contact."`
	Description string       `json:"description"`
	Insert      string       `json:"insert" doc:"Liquid that shows it."`
}

// TemplateFilter is a filter with an example.
type TemplateFilter struct {
	Name        FilterName `json:"name"`
	Group       string     `json:"group" enum:"texts,numbers,lists,anything"`
	Use         string     `json:"use" doc:"As it is written behind a |."`
	Example     string     `json:"example"`
	Result      string     `json:"result" doc:"What the example prints."`
	Description string     `json:"description"`
}

// TemplateTag is a tag as it is written.
type TemplateTag struct {
	Name        TagName `json:"name"`
	Use         string  `json:"use"`
	Description string  `json:"description"`
}

var getVariablesDoc = operation{Description: "Names, filters and tags, with examples, and the attributes and events that the shop sends. A name that is not here, and that the template does not define itself, is an error."}

func (a *api) getVariables(ctx context.Context, _ *none) (*reply[TemplateVariables], error) {
	used, err := templates.LoadInUse(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	out := TemplateVariables{InUse: used}
	for _, v := range templates.Variables() {
		out.Variables = append(out.Variables, TemplateVariable{VariableName(v.Name), string(v.Type), v.Group, string(v.Available), v.Example, v.Description, v.Insert})
	}
	for _, f := range templates.Filters() {
		out.Filters = append(out.Filters, TemplateFilter{FilterName(f.Name), f.Group, f.Use, f.Example, f.Result, f.Description})
	}
	for _, t := range templates.Tags {
		out.Tags = append(out.Tags, TemplateTag{TagName(t.Name), t.Use, t.Description})
	}
	return ok(out), nil
}

type getSamplesInput struct {
	Language string `query:"language" maxLength:"10" example:"de" doc:"en or de. Default, and where there are none in that language: en."`
}

// TemplateSamples is what one can start from.
type TemplateSamples struct {
	Items []templates.SampleTemplate `json:"items"`
}

var getSamplesDoc = operation{Description: "Complete sources that pass every check: a letter, a newsletter, thanks for an order."}

func (a *api) getSamples(_ context.Context, in *getSamplesInput) (*reply[TemplateSamples], error) {
	return ok(TemplateSamples{Items: templates.Samples(in.Language)}), nil
}
