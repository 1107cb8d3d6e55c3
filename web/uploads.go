package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"posthorn/imports"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
)

// UploadInput says what a file is and how it is read.
type UploadInput struct {
	CSVInput
	Kind   string `query:"kind" required:"true" enum:"contacts,products,orders"`
	Topic  string `query:"topic" maxLength:"100" example:"news" doc:"contacts: what they are subscribed to, unless the file has a column topics; without it, to nothing. Nobody who unsubscribed is subscribed again."`
	Source string `query:"source" maxLength:"200" example:"paper form at the fair, March 2026" doc:"contacts: where they said so; it is kept with each consent. Default: import."`
}

func (in *UploadInput) options() imports.Options {
	return imports.Options{Map: in.columns(), Skip: in.Skip, Topic: in.Topic, Source: in.Source}
}

// underQuery puts faults where the request has what they are about. What is wrong with
// the file itself stays where it is.
func underQuery(err error) error {
	field, _, ok := csvimport.Explain(err)
	if ok && (field == "topic" || field == "source") {
		return fault.Under("query", err)
	}
	return err
}

type previewImportInput struct {
	UploadInput
	Cut bool `query:"cut" doc:"The body is only the beginning of the file."`
}

const previewLimit = 4 << 20

var previewImportDoc = operation{
	Description: "What an import would make of the file: what each column is taken for, why the file cannot be imported like this, and the first 20 rows as they would be stored, with what is wrong with them. " +
		"The first megabyte is looked at; a longer file need not be sent whole. Nothing is stored.",
	Limit: previewLimit,
	Files: true,
}

func (a *api) previewImport(_ context.Context, in *previewImportInput) (*reply[csvimport.Preview], error) {
	defer in.body.finish()
	head, err := imports.ReadHead(in.body)
	if broken := in.body.broken(); broken != nil {
		return nil, broken
	}
	if err != nil {
		return nil, err
	}
	head.Cut = head.Cut || in.Cut
	p, err := imports.Preview(imports.Kind(in.Kind), in.options(), head)
	if err != nil {
		return nil, underQuery(err)
	}
	return ok(p), nil
}

type postImportInput struct {
	UploadInput
	Name string `query:"name" maxLength:"300" example:"customers.csv" doc:"The file's name, to know it again by."`
}

var postImportDoc = operation{
	Description: "The file is kept, and imported in the background: the answer comes when it is here, and says that the import waits. What cannot be imported, by its header or options, is refused at once. " +
		"If the process that imports it dies, another one goes on. The file is deleted when it is imported, or a day after that failed; rejected rows after 14 days.",
	Limit:  imports.MaxFile,
	Files:  true,
	Status: http.StatusCreated,
	Errors: []int{http.StatusConflict},
}

func (a *api) postImport(ctx context.Context, in *postImportInput) (*reply[imports.Import], error) {
	defer in.body.finish()
	imp, knock, err := imports.Upload(ctx, a.pool, a.now, imports.New{
		Kind: imports.Kind(in.Kind), FileName: in.Name, Options: in.options(), CreatedBy: whoIs(ctx).Name,
	}, in.body)
	if broken := in.body.broken(); err != nil && broken != nil {
		return nil, broken
	}
	if err != nil {
		return nil, underQuery(err)
	}
	a.knockImport(ctx, knock)
	return ok(imp), nil
}

type ImportPath struct {
	ID int64 `path:"id" example:"1"`
}

var getImportDoc = operation{Description: "One import with how far it is, or what came of it."}

func (a *api) getImport(ctx context.Context, in *ImportPath) (*reply[imports.Import], error) {
	imp, err := imports.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(imp), nil
}

var liveImportDoc = operation{Description: "The import, again whenever it is further."}

func (a *api) followImport(ctx context.Context, in *ImportPath) (imports.Import, error) {
	return imports.Get(ctx, a.pool, in.ID)
}

var listImportsDoc = operation{Description: "The newest first. Imports that were answered in one request are not among them."}

func (a *api) listImports(ctx context.Context, in *Paging) (*reply[Page[imports.Import]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := imports.List(ctx, a.pool, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

var cancelImportDoc = operation{
	Description: "What it has stored stays. It can be tried again for a day, and then does the rest.",
	Errors:      []int{http.StatusConflict},
}

func (a *api) cancelImport(ctx context.Context, in *ImportPath) (*reply[imports.Import], error) {
	imp, err := imports.Cancel(ctx, a.pool, a.now(), in.ID)
	if err != nil {
		return nil, err
	}
	return ok(imp), nil
}

var retryImportDoc = operation{
	Description: "An import that failed or was cancelled is begun again, as long as its file is kept.",
	Errors:      []int{http.StatusConflict},
}

func (a *api) retryImport(ctx context.Context, in *ImportPath) (*reply[imports.Import], error) {
	imp, knock, err := imports.Retry(ctx, a.pool, a.now(), in.ID)
	if err != nil {
		return nil, err
	}
	a.knockImport(ctx, knock)
	return ok(imp), nil
}

var getImportRejectsDoc = operation{
	Description: "All rejected rows under the columns of the file, with what is wrong beside them: mended, the file is imported as it is. It is kept for 14 days.",
	csv:         true,
}

func (a *api) getImportRejects(ctx context.Context, in *ImportPath) (*huma.StreamResponse, error) {
	imp, err := imports.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	if !imp.HasRejects {
		return nil, fault.NotFoundf("file of rejected rows of import", in.ID)
	}
	name := strings.TrimSuffix(imp.FileName, ".gz")
	name = strings.TrimSuffix(name, path.Ext(name))
	if name == "" {
		name = string(imp.Kind)
	}
	return a.download(name+".rejected.csv", func(ctx context.Context, w io.Writer) error {
		err := imports.Rejects(ctx, a.pool, in.ID, w)
		var gone *fault.NotFound
		if errors.As(err, &gone) {
			return gone
		}
		return err
	}), nil
}
