// Package ui is the web app: what `make ui` built from web/ui/src, embedded.
//
// It is served under Prefix. Paths that are no file are the app's own pages, for
// which index.html is answered. A program that was built without Node has no app:
// a page says how to get one.
package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Prefix is where the app is served; vite.config.ts says the same.
const Prefix = "/app/"

//go:embed all:dist
var dist embed.FS

//go:embed stub.html
var stub []byte

// Handler serves the app. Its answers carry a Content-Security-Policy of their own.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // it is embedded
	}
	return handler(files)
}

func handler(files fs.FS) http.Handler {
	a := &app{files: files, stub: stub}
	if index, err := fs.ReadFile(files, "index.html"); err == nil {
		a.index = bytes.Split(index, []byte(noncePlace))
	}
	return http.StripPrefix(strings.TrimSuffix(Prefix, "/"), a)
}

// noncePlace is where the build leaves room for what allows the page's styles.
const noncePlace = "{{nonce}}"

type app struct {
	files  fs.FS
	index  [][]byte // around the nonce; nil: it was not built
	stub   []byte
	zipped sync.Map // file name -> gzipped []byte
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	switch content, err := fs.ReadFile(a.files, name); {
	case a.index == nil:
		page(w, http.StatusServiceUnavailable, "default-src 'none'", a.stub)
	case err == nil && !hidden(name) && name != "index.html":
		a.file(w, r, name, content)
	case strings.HasPrefix(name, "assets/"):
		// Another version of the app, in a tab that has been open for long: never a page.
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file in this version", http.StatusNotFound)
	default:
		nonce := newNonce()
		page(w, http.StatusOK, policy(nonce), bytes.Join(a.index, []byte(nonce)))
	}
}

// hidden files are of the build, not of the app.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// policy allows what the app brings along and nothing else. Styles that its
// libraries make at run time carry the nonce. The preview of a mail is a frame of
// the API's, with a policy of its own.
func policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self' 'nonce-" + nonce + "'",
		"img-src 'self'",
		"font-src 'self'",
		"connect-src 'self'",
		"frame-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawStdEncoding.EncodeToString(b[:])
}

func page(w http.ResponseWriter, status int, policy string, content []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(content)
}

// file answers what was built. Its name has the hash of its content where it is an
// asset, so that it never changes.
func (a *app) file(w http.ResponseWriter, r *http.Request, name string, content []byte) {
	h := w.Header()
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(content) > 1000 {
		content = a.gzip(name, content)
		h.Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(content)
}

// gzip compresses a file once.
func (a *app) gzip(name string, content []byte) []byte {
	if known, ok := a.zipped.Load(name); ok {
		return known.([]byte)
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a good one
	_, _ = z.Write(content)
	_ = z.Close()
	a.zipped.Store(name, b.Bytes())
	return b.Bytes()
}
