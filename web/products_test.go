package web

import "testing"

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
