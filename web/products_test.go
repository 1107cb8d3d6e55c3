package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProductsForTheApp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.putContact("C-1", "c1@example.com")
	s.do("PUT", "/api/v1/products/A", obj{"name": "Apple", "category": "fruit"}).want(200)
	s.do("PUT", "/api/v1/products/B", obj{"name": "Bean", "category": "coffee", "in_stock": false}).want(200)
	s.putOrder("O-1", "C-1", s.clock.Now())
	if a := s.do("GET", "/api/v1/products?in_stock=false", nil).want(200); len(a.get("items").([]any)) != 1 || a.get("items", 0, "sku") != "B" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/products?in_stock=maybe", nil).problem(422, "query.in_stock")
	a := s.do("GET", "/api/v1/products/A/sales", nil).want(200)
	if a.get("orders") != 1.0 || a.get("pieces") != 1.0 || a.get("months", 11, "month") != "2026-03" || a.get("months", 11, "orders") != 1.0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/products/Z/sales", nil).problem(404, "")
	if a := s.do("GET", "/api/v1/product-categories", nil).want(200); a.get("items", 0, "name") != "coffee" || a.get("items", 1, "products") != 1.0 {
		t.Errorf("%s", a.body)
	}
	s.do("DELETE", "/api/v1/products/A", nil).problem(409, "")
	s.do("DELETE", "/api/v1/products/B", nil).want(204)
	s.do("DELETE", "/api/v1/products/B", nil).problem(404, "")
}

// Pictures come from where the shop has them, and nothing else does.
func TestProductPicture(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.png":
			w.Header().Set("Content-Type", "image/png; x=y")
			_, _ = w.Write([]byte("a picture"))
		case "/moved":
			http.Redirect(w, r, "/a.png", http.StatusFound)
		case "/again":
			http.Redirect(w, r, "/again", http.StatusFound)
		case "/page":
			w.Header().Set("Content-Type", "text/html")
		case "/large":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(make([]byte, pictureLimit+1))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(shop.Close)
	s := newServer(t)
	deps := s.deps()
	deps.Loopback = true
	s.http.Config.Handler = New(deps)
	ask := func(image string) answer {
		s.do("PUT", "/api/v1/products/A", obj{"image_url": image}).want(200)
		return s.do("GET", "/api/v1/products/A/picture", nil)
	}
	for _, path := range []string{"/a.png", "/moved"} {
		a := ask(shop.URL + path).want(200)
		if string(a.body) != "a picture" || a.header.Get("Content-Type") != "image/png" || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "sandbox; default-src 'none'") || a.header.Get("Cache-Control") != "private, max-age=3600" {
			t.Errorf("%s: %v %s", path, a.header, a.body)
		}
	}
	for _, path := range []string{"/none", "/page", "/large", "/again"} {
		ask(shop.URL+path).problem(404, "")
	}
	ask("").problem(404, "")
	s.do("GET", "/api/v1/products/Z/picture", nil).problem(404, "")

	// Anywhere but in a demo, what is on this machine or inside its network is not fetched.
	s.http.Config.Handler = New(s.deps())
	ask(shop.URL+"/a.png").problem(404, "")
}
