package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"posthorn/journeys"
)

// OpenAPI returns the OpenAPI document of the API, as JSON.
func OpenAPI() ([]byte, error) {
	_, api := build(Deps{Logger: slog.New(slog.DiscardHandler)})
	return json.MarshalIndent(api.OpenAPI(), "", "  ")
}

// mountDocs serves the OpenAPI document, the JSON Schemas of journeys, and a reference made of
// the first. The reference is Swagger UI from files in this binary: it loads nothing from
// anywhere else, and its Content-Security-Policy would not let it.
func mountDocs(mux *http.ServeMux, doc *huma.OpenAPI) {
	spec, err := json.Marshal(doc)
	if err != nil {
		panic("web: the OpenAPI document does not marshal: " + err.Error())
	}
	mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(spec)
	})

	for path, schema := range map[string]func() []byte{
		"/api/journey.schema.json":      func() []byte { return journeys.Schema },
		"/api/journey-file.schema.json": journeys.FileSchema,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/schema+json")
			w.Header().Set("Cache-Control", "no-cache")
			_, _ = w.Write(schema())
		})
	}

	const base = "/api/docs/"
	ui := v5emb.NewHandlerWithConfig(swgui.Config{
		Title:       "Posthorn API",
		SwaggerJSON: "/api/openapi.json",
		BasePath:    base,
		SettingsUI: map[string]string{
			"persistAuthorization":     "false", // a key is not left in the browser
			"defaultModelsExpandDepth": "0",
			"docExpansion":             `"none"`,
			"tryItOutEnabled":          "false",
			"filter":                   "true",
		},
	})
	page, policy := renderDocs(ui, base)
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write(page)
	}
	mux.HandleFunc("GET /api/docs", serve)
	mux.HandleFunc("GET /api/docs/{$}", serve)
	mux.HandleFunc("GET /api/docs/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		ui.ServeHTTP(w, r)
	})
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// renderDocs renders the page once, as it is the same for everybody, and makes
// the policy that allows exactly its inline scripts, by their hashes. Swagger UI
// sets style attributes, so inline styles have to be allowed.
func renderDocs(ui http.Handler, path string) (page []byte, policy string) {
	rec := &pageBuffer{header: http.Header{}}
	ui.ServeHTTP(rec, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	page = bytes.Replace(rec.body.Bytes(), []byte(" - Swagger UI</title>"), []byte("</title>"), 1)

	scripts := []string{"'self'"}
	for _, m := range inlineScript.FindAllSubmatch(page, -1) {
		scripts = append(scripts, hashSource(m[1]))
	}
	return page, strings.Join([]string{
		"default-src 'none'",
		"script-src " + strings.Join(scripts, " "),
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data:",
		"connect-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// hashSource allows one inline script or style in a Content-Security-Policy.
func hashSource(content []byte) string {
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pageBuffer is a ResponseWriter that keeps the body.
type pageBuffer struct {
	header http.Header
	body   bytes.Buffer
}

func (b *pageBuffer) Header() http.Header         { return b.header }
func (b *pageBuffer) WriteHeader(int)             {}
func (b *pageBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
