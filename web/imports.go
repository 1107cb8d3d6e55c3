package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
)

// CSVInput is the part of every import's input: how columns are found, and the
// body as a stream.
type CSVInput struct {
	Map         []string `query:"map,explode" example:"[\"external_id=Customer ID\"]" doc:"field=Header, repeated: which column of the file holds a field, where its header says something else. Of several columns with one header, Header#2 is the second."`
	Skip        []string `query:"skip,explode" example:"[\"Notes\"]" doc:"Header, repeated: columns that are passed over."`
	ContentType string   `header:"Content-Type" doc:"text/csv or application/gzip. What counts is the file itself: gzip is recognised."`

	body *streamBody
}

// Resolve takes the body before huma could read it.
func (in *CSVInput) Resolve(ctx huma.Context) []error {
	for _, m := range in.Map {
		if field, header, ok := strings.Cut(m, "="); !ok || strings.TrimSpace(field) == "" || strings.TrimSpace(header) == "" {
			return []error{&huma.ErrorDetail{Location: "query.map", Message: "is not of the form field=Header: " + strconv.Quote(m)}}
		}
	}
	if ct := strings.ToLower(in.ContentType); strings.HasPrefix(ct, "application/json") || strings.HasPrefix(ct, "multipart/") {
		return []error{newProblem(requestID(ctx.Context()), http.StatusUnsupportedMediaType, "send the file itself as the body, with the header Content-Type: text/csv (curl: --data-binary @file.csv)")}
	}
	r, w := humago.Unwrap(ctx)
	in.body = newStreamBody(w, r, ctx.Operation().MaxBodyBytes)
	return nil
}

func (in *CSVInput) columns() map[string]string {
	columns := make(map[string]string, len(in.Map))
	for _, m := range in.Map {
		field, header, _ := strings.Cut(m, "=")
		columns[strings.TrimSpace(field)] = strings.TrimSpace(header)
	}
	return columns
}

// csvBody is how the body looks in the documentation.
func csvBody() *huma.RequestBody {
	file := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	return &huma.RequestBody{
		Description: "The file. UTF-8 (with or without a BOM) or Latin-1, plain or gzipped; the first line names the columns.",
		Required:    true,
		Content:     map[string]*huma.MediaType{"text/csv": file, "application/gzip": file},
	}
}

// ImportResult is what an import did.
type ImportResult struct {
	csvimport.Summary
	Rejects []csvimport.Reject `json:"rejects" doc:"The first 100 rejected rows."`
}

// runImport runs one import over the request's body.
func (in *CSVInput) runImport(run func(io.Reader, csvimport.Options) (csvimport.Summary, error)) (*reply[ImportResult], error) {
	defer in.body.finish()
	summary, err := run(in.body, csvimport.Options{Map: in.columns(), Skip: in.Skip, Show: maxRejects})
	if broken := in.body.broken(); err != nil && broken != nil {
		return nil, broken
	}
	if err != nil {
		return nil, err
	}
	return ok(ImportResult{Summary: summary, Rejects: summary.Rejects}), nil
}

// maxRejects is how many rejected rows an answer shows.
const maxRejects = 100

const importNotes = "Rows that are wrong are counted and reported with line and reason, and do not stop the others. The same file twice changes nothing. " +
	"The answer comes when all is done; a file that cannot be read to its end changes nothing. One import runs at a time, others wait. " +
	"`posthorn import` does the same with a progress bar and a file of all rejected rows."

type importContactsInput struct {
	CSVInput
	Topic  string `query:"topic" maxLength:"100" example:"news" doc:"What the contacts are subscribed to, unless the file has a column topics; without it, to nothing. Nobody who unsubscribed is subscribed again."`
	Source string `query:"source" maxLength:"200" example:"paper form at the fair, March 2026" doc:"Where the contacts said so; it is kept with each consent. Default: import."`
}

var importContactsDoc = operation{
	Description: "Columns: external_id, email, first_name, last_name, phone, country, language, timezone, created_at, topics; any other column becomes an attribute under its header. " + importNotes,
	Limit:       importLimit,
	Files:       true,
}

func (a *api) importContacts(ctx context.Context, in *importContactsInput) (*reply[ImportResult], error) {
	opts := contacts.ImportOptions{Topic: in.Topic, Source: in.Source, Now: a.now()}
	if err := opts.Check(); err != nil {
		return nil, fault.Under("query", err)
	}
	return in.runImport(func(r io.Reader, o csvimport.Options) (csvimport.Summary, error) {
		opts.Options = o
		return contacts.Import(ctx, a.pool, r, opts)
	})
}

type importProductsInput struct{ CSVInput }

var importProductsDoc = operation{
	Description: "Columns: sku, name, category, price, currency, url, image_url, in_stock. " + importNotes,
	Limit:       importLimit,
	Files:       true,
}

func (a *api) importProducts(ctx context.Context, in *importProductsInput) (*reply[ImportResult], error) {
	return in.runImport(func(r io.Reader, o csvimport.Options) (csvimport.Summary, error) {
		return catalog.ImportProducts(ctx, a.pool, r, catalog.ImportOptions{Options: o, Now: a.now()})
	})
}

type importOrdersInput struct{ CSVInput }

var importOrdersDoc = operation{
	Description: "Columns: order_id, contact_external_id, placed_at, sku, quantity, unit_price, currency, status: one row for each line of an order. " +
		"Rows of one order may stand anywhere in the file. Contacts must exist already. " + importNotes,
	Limit: importLimit,
	Files: true,
}

func (a *api) importOrders(ctx context.Context, in *importOrdersInput) (*reply[ImportResult], error) {
	return in.runImport(func(r io.Reader, o csvimport.Options) (csvimport.Summary, error) {
		defer a.knockHappenings(ctx) // also for what a broken import kept
		return catalog.ImportOrders(ctx, a.pool, r, catalog.ImportOptions{Options: o, Now: a.now()})
	})
}
