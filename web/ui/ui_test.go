package ui

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func get(h http.Handler, path string, header ...string) *http.Response {
	r := httptest.NewRequest("GET", path, nil)
	if len(header) > 0 {
		r.Header.Set(header[0], header[1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandler(t *testing.T) {
	t.Parallel()
	script := strings.Repeat("/* app */", 1000)
	h := handler(fstest.MapFS{
		"index.html":          {Data: []byte(`<meta property="csp-nonce" nonce="{{nonce}}"><script src="/app/assets/a-1.js" nonce="{{nonce}}"></script>`)},
		"assets/a-1.js":       {Data: []byte(script)},
		"icon.svg":            {Data: []byte("<svg/>")},
		".vite/manifest.json": {Data: []byte("{}")},
	})

	// Every path of the app is its page, each time with another nonce.
	nonces := map[string]bool{}
	for _, path := range []string{"/app/", "/app/campaigns/7", "/app/contacts/a%2Fb", "/app/index.html", "/app/.vite/manifest.json", "/app/../../etc/passwd"} {
		res := get(h, path)
		text := body(t, res.Body)
		m := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(res.Header.Get("Content-Security-Policy"))
		if res.StatusCode != 200 || m == nil || strings.Count(text, `nonce="`+m[1]+`"`) != 2 || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, %v\n%s", path, res.Status, res.Header, text)
			continue
		}
		nonces[m[1]] = true
	}
	if len(nonces) != 6 {
		t.Errorf("%d nonces for 6 pages", len(nonces))
	}

	asset := get(h, "/app/assets/a-1.js")
	if body(t, asset.Body) != script || !strings.Contains(asset.Header.Get("Cache-Control"), "immutable") || !strings.Contains(asset.Header.Get("Content-Type"), "javascript") {
		t.Errorf("asset: %v", asset.Header)
	}
	zipped := get(h, "/app/assets/a-1.js", "Accept-Encoding", "gzip, br")
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body(t, z) != script || zipped.Header.Get("Content-Encoding") != "gzip" {
		t.Error("the gzipped asset is not the asset")
	}
	if res := get(h, "/app/icon.svg"); body(t, res.Body) != "<svg/>" || res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("icon: %v", res.Header)
	}
	if res := get(h, "/app/assets/of-another-version.js"); res.StatusCode != 404 {
		t.Errorf("an asset that is not there: %s", res.Status)
	}
}

func TestStub(t *testing.T) {
	t.Parallel()
	res := get(handler(fstest.MapFS{".keep": {}}), "/app/campaigns")
	if text := body(t, res.Body); res.StatusCode != 503 || !strings.Contains(text, "make build") {
		t.Errorf("%s: %s", res.Status, text)
	}
}
