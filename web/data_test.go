package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// obj keeps bodies in tests short.
type obj = map[string]any

func (s *server) putContact(externalID, email string) {
	s.t.Helper()
	s.do("PUT", "/api/v1/contacts/"+url.PathEscape(externalID), obj{"email": email, "topics": obj{"news": "subscribed"}}).want(200)
}

func TestContacts(t *testing.T) {
	t.Parallel()
	s := newServer(t)

	body := obj{
		"email": "Edith@Example.com", "first_name": "Edith", "country": "Iceland", "created_at": "2020-01-02T03:04:05Z",
		"attributes": obj{"vip": true, "size": "M"}, "topics": obj{"news": "subscribed"},
	}
	a := s.do("PUT", "/api/v1/contacts/C-1", body).want(200)
	if a.get("change") != "created" || a.get("external_id") != "C-1" || a.get("first_name") != "Edith" || a.get("attributes", "vip") != true {
		t.Errorf("created: %s", a.body)
	}
	if a.json()["id"] != nil {
		t.Errorf("the internal id is shown: %s", a.body)
	}
	before := a.get("updated_at")
	s.clock.Advance(1e9)
	if a := s.do("PUT", "/api/v1/contacts/C-1", body).want(200); a.get("change") != "unchanged" || a.get("updated_at") != before {
		t.Errorf("the same again: %s", a.body)
	}
	a = s.do("PUT", "/api/v1/contacts/C-1", obj{"last_name": "Holloway", "attributes": obj{"size": nil}}).want(200)
	if a.get("change") != "updated" || a.get("first_name") != "Edith" || a.get("attributes", "size") != nil {
		t.Errorf("updated: %s", a.body)
	}
	if a := s.do("GET", "/api/v1/contacts/C-1", nil).want(200); a.get("last_name") != "Holloway" {
		t.Errorf("got: %s", a.body)
	}

	a = s.do("GET", "/api/v1/contacts/C-1/consents", nil).want(200)
	if a.get("items", 0, "topic") != "news" || a.get("items", 0, "state") != "subscribed" || a.get("items", 0, "source") != "api" {
		t.Errorf("consents: %s", a.body)
	}
	a = s.do("PUT", "/api/v1/contacts/C-1/consents/offers", obj{"state": "pending", "source": "checkout"}).want(200)
	if len(a.get("items").([]any)) != 2 {
		t.Errorf("consents: %s", a.body)
	}

	s.do("DELETE", "/api/v1/contacts/C-1", nil).want(204)
	s.do("GET", "/api/v1/contacts/C-1", nil).problem(404, "")
	s.do("DELETE", "/api/v1/contacts/C-1", nil).problem(404, "")
	s.do("GET", "/api/v1/contacts/C-1/consents", nil).problem(404, "")
}

func TestContactsBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	put := func(body obj) answer { return s.do("PUT", "/api/v1/contacts/C-1", body) }
	put(obj{"email": "not an address"}).problem(422, "email")
	put(obj{"email": "edith@example.com\r\nBcc: all@example.com"}).problem(422, "email")
	put(obj{"email": "edith@example.com, other@example.com"}).problem(422, "email")
	put(obj{"email": 5}).problem(422, "email")
	put(obj{"email": "e@example.com", "first_nam": "E"}).problem(422, "first_nam")
	put(obj{"email": "e@example.com", "first_name": "E\r\nX: y"}).problem(422, "first_name")
	put(obj{"email": "e@example.com", "first_name": "E\x00"}).problem(422, "first_name")
	put(obj{"email": "e@example.com", "created_at": "yesterday"}).problem(422, "created_at")
	put(obj{"email": "e@example.com", "attributes": obj{"a": "x\x00"}}).problem(422, "attributes.a")
	put(obj{"email": "e@example.com", "topics": obj{"news": "maybe"}}).want(422)
	put(obj{"email": "e@example.com", "topics": obj{"no topic!": "subscribed"}}).want(422)
	if n := s.count(`SELECT count(*) FROM contacts`); n != 0 {
		t.Errorf("%d contacts were stored", n)
	}
	s.putContact("C-1", "e@example.com")
	s.do("PUT", "/api/v1/contacts/C-1/consents/news", obj{"state": "gone"}).problem(422, "state")
	s.do("PUT", "/api/v1/contacts/C-1/consents/no%20topic!", obj{"state": "pending"}).want(422)
	s.do("PUT", "/api/v1/contacts/C-2/consents/news", obj{"state": "pending"}).problem(404, "")
}

func TestContactIDsInPaths(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i, id := range []string{"a/b", "a b", "ä@x.is", "100%", "a+b", "a?b#c"} {
		path := "/api/v1/contacts/" + url.PathEscape(id)
		s.do("PUT", path, obj{"email": fmt.Sprintf("p%d@example.com", i)}).want(200)
		if a := s.do("GET", path, nil).want(200); a.get("external_id") != id {
			t.Errorf("%q came back as %v", id, a.get("external_id"))
		}
	}
}

func TestContactsBatch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	items := []any{
		obj{"external_id": "C-1", "email": "one@example.com"},
		obj{"external_id": "C-2", "email": "broken"},
		obj{"external_id": "C-3", "email": "three@example.com", "shoe_size": 9},
		obj{"email": "four@example.com"},
		"five",
		obj{"external_id": "C-6", "email": "six@example.com", "last_name": "a\x00b"},
	}
	a := s.do("POST", "/api/v1/contacts/batch", obj{"items": items}).want(200)
	if a.get("created") != 2.0 || a.get("rejected") != 4.0 {
		t.Fatalf("%s", a.body)
	}
	for i, want := range []string{"created", "rejected", "rejected", "created", "rejected", "rejected"} {
		if a.get("items", i, "status") != want || a.get("items", i, "index") != float64(i) {
			t.Errorf("item %d: %v, want %s", i, a.get("items", i), want)
		}
	}
	for i, field := range map[int]string{1: "email", 2: "shoe_size", 5: "last_name"} {
		if got := a.get("items", i, "errors", 0, "location"); got != field {
			t.Errorf("item %d: location %v, want %s", i, got, field)
		}
	}
	// An array alone is a batch too, and the same again changes nothing.
	a = s.do("POST", "/api/v1/contacts/batch", []any{items[0], items[3]}).want(200)
	if a.get("unchanged") != 2.0 {
		t.Errorf("again: %s", a.body)
	}

	post := func(body any) answer { return s.do("POST", "/api/v1/contacts/batch", body) }
	post(`{"items": [`).problem(400, "")
	post(`[{"email":}]`).problem(400, "")
	post(obj{}).problem(422, "items")
	post(obj{"items": "x"}).problem(422, "items")
	post(obj{"contacts": []any{}}).problem(422, "contacts")
	post("5").problem(422, "items")
	post(make([]int, maxBatch+1)).problem(422, "items")
	if a := post(obj{"items": []any{}}).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("an empty batch: %s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM contacts`); n != 2 {
		t.Errorf("%d contacts, want 2", n)
	}
}

// walk follows next_cursor to the end and returns the values of a key.
func (s *server) walk(path, key string, limit int) []string {
	s.t.Helper()
	var seen []string
	cursor := ""
	for range 100 {
		a := s.do("GET", fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, url.QueryEscape(cursor)), nil).want(200)
		items := a.get("items").([]any)
		if len(items) > limit {
			s.t.Fatalf("%s: a page of %d, limit %d", path, len(items), limit)
		}
		for _, item := range items {
			seen = append(seen, fmt.Sprint(item.(obj)[key]))
		}
		cursor = a.get("next_cursor").(string)
		if strings.Contains(cursor, "@") {
			s.t.Errorf("%s: an address in the cursor %q", path, cursor)
		}
		if cursor == "" {
			return seen
		}
	}
	s.t.Fatalf("%s does not end", path)
	return nil
}

func TestPagination(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.putContact("C-0", "c0@example.com")
	for i := range 7 {
		s.putContact(fmt.Sprint("C-", i), fmt.Sprintf("c%d@example.com", i))
		s.do("POST", "/api/v1/suppressions", obj{"email": fmt.Sprintf("s%d@example.com", i)}).want(201)
		s.do("PUT", fmt.Sprint("/api/v1/products/P-", i), obj{"name": "P"}).want(200)
		s.do("PUT", fmt.Sprint("/api/v1/orders/O-", i), orderBody("C-0")).want(200)
		s.do("POST", "/api/v1/events", obj{"contact_external_id": "C-0", "name": "visited"}).want(201)
		s.do("POST", "/api/v1/segments", obj{"name": fmt.Sprint("S-", i), "rule": anyRule}).want(201)
		s.do("POST", "/api/v1/templates", templateBody(fmt.Sprint("T-", i))).want(201)
	}
	for i := range 7 {
		s.do("POST", "/api/v1/campaigns", campaignBody(1, obj{"name": fmt.Sprint("N-", i)})).want(201)
	}
	lists := map[string]string{
		"contacts": "external_id", "suppressions": "email", "products": "sku", "orders": "order_id",
		"events": "id", "segments": "name", "templates": "name", "campaigns": "name",
	}
	for list, key := range lists {
		for _, limit := range []int{1, 3, 7, 100} {
			seen := s.walk("/api/v1/"+list, key, limit)
			distinct := map[string]bool{}
			for _, v := range seen {
				distinct[v] = true
			}
			if len(seen) != 7 || len(distinct) != 7 {
				t.Errorf("%s by %d: %v", list, limit, seen)
			}
		}
	}
	if a := s.do("GET", "/api/v1/contacts?query=c3@", nil).want(200); len(a.get("items").([]any)) != 1 {
		t.Errorf("query: %s", a.body)
	}
	if a := s.do("GET", "/api/v1/orders?contact_external_id=C-1", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("orders of another contact: %s", a.body)
	}
}

func TestSuppressions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.do("POST", "/api/v1/suppressions", obj{"email": "Edith@Example.com", "detail": "by phone"}).want(201)
	if a.get("email") != "edith@example.com" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/suppressions", obj{"email": "edith@example.com", "cause": "complaint"}).want(201)
	a = s.do("GET", "/api/v1/suppressions", nil).want(200)
	if a.get("items", 0, "email") != "edith@example.com" || a.get("items", 0, "cause") != "manual" {
		t.Errorf("the first cause is kept: %s", a.body)
	}
	s.do("POST", "/api/v1/suppressions", obj{"email": "edith"}).problem(422, "email")
	s.do("POST", "/api/v1/suppressions", obj{"email": "a@b.is", "cause": "whim"}).problem(422, "cause")
	s.do("DELETE", "/api/v1/suppressions/EDITH@example.com", nil).want(204)
	if n := s.count(`SELECT count(*) FROM suppressions`); n != 0 {
		t.Errorf("%d are left", n)
	}
	s.do("DELETE", "/api/v1/suppressions/edith@example.com", nil).problem(404, "")
}

func TestProducts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := obj{"name": "Hand grinder", "category": "grinders", "price": 49.9, "currency": "EUR", "url": "https://shop.example/g"}
	a := s.do("PUT", "/api/v1/products/GR-02", body).want(200)
	if a.get("change") != "created" || a.get("price") != 49.9 || a.get("in_stock") != true || a.json()["id"] != nil {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/products/GR-02", body).want(200); a.get("change") != "unchanged" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/products/GR-02", obj{"price": "1234567890.1234"}).want(200); a.get("change") != "updated" ||
		!strings.Contains(string(a.body), `"price":1234567890.1234`) {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/products/GR-02", nil).want(200); a.get("name") != "Hand grinder" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/products/none", nil).problem(404, "")
	s.do("PUT", "/api/v1/products/X", obj{"price": "2,55"}).problem(422, "price")
	s.do("PUT", "/api/v1/products/X", obj{"price": true}).problem(422, "price")
	s.do("PUT", "/api/v1/products/X", obj{"price": 0.00001}).problem(422, "price")
	s.do("PUT", "/api/v1/products/X", obj{"url": "javascript:alert(1)"}).problem(422, "url")

	a = s.do("POST", "/api/v1/products/batch", []any{
		obj{"sku": "A", "price": "x"}, obj{"sku": "B", "name": "Bee"}, obj{"name": "no sku"}, obj{"sku": "C", "currency": "EURO"}, obj{"sku": "D"},
	}).want(200)
	for i, want := range []string{"rejected", "created", "rejected", "rejected", "created"} {
		if a.get("items", i, "status") != want {
			t.Errorf("item %d: %v, want %s", i, a.get("items", i), want)
		}
	}
	if a.get("items", 1, "id") != "B" || a.get("items", 4, "id") != "D" || a.get("items", 0, "errors", 0, "location") != "price" {
		t.Errorf("%s", a.body)
	}
}

func orderBody(contact string) obj {
	return obj{
		"contact_external_id": contact, "placed_at": "2026-03-01T10:00:00Z", "currency": "EUR", "status": "paid",
		"items": []any{obj{"sku": "GR-02", "quantity": 2, "unit_price": 49.95}, obj{"sku": "GIFT", "quantity": 1, "unit_price": 0}},
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("PUT", "/api/v1/orders/O-1", orderBody("C-1")).problem(422, "contact_external_id")
	s.putContact("C-1", "c1@example.com")

	a := s.do("PUT", "/api/v1/orders/O-1", orderBody("C-1")).want(200)
	if a.get("change") != "created" || a.get("order_id") != "O-1" || a.get("total") != 99.9 || len(a.get("items").([]any)) != 2 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PUT", "/api/v1/orders/O-1", orderBody("C-1")).want(200); a.get("change") != "unchanged" {
		t.Errorf("%s", a.body)
	}
	body := orderBody("C-1")
	body["items"] = []any{obj{"sku": "GR-02", "quantity": 1, "unit_price": "49.95"}}
	if a := s.do("PUT", "/api/v1/orders/O-1", body).want(200); a.get("change") != "updated" || a.get("total") != 49.95 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/orders/O-1", nil).want(200); a.get("status") != "paid" || a.get("items", 0, "unit_price") != 49.95 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/orders/none", nil).problem(404, "")

	bad := func(field string, value any, at string) {
		t.Helper()
		body := orderBody("C-1")
		body[field] = value
		s.do("PUT", "/api/v1/orders/O-3", body).problem(422, at)
	}
	bad("status", "lost", "status")
	bad("placed_at", "today", "placed_at")
	bad("currency", "EURO", "currency")
	bad("items", []any{}, "items")
	bad("colour", "red", "colour")
	bad("items", []any{obj{"sku": "A", "quantity": 1.5, "unit_price": 1}}, "items[0].quantity")
	bad("items", []any{obj{"sku": "A", "quantity": 1, "unit_price": 1}, obj{"sku": "A", "quantity": 1, "unit_price": "1,5"}}, "items[1].unit_price")
	bad("items", []any{obj{"sku": "A", "quantity": 1, "unit_price": nil}}, "items[0].unit_price")
	bad("items", []any{obj{"sku": "A", "quantity": 1}}, "items[0].unit_price")
	bad("items", nil, "items")
	bad("items", []any{obj{"sku": "A", "quantity": 1, "unit_price": 1}, obj{"sku": "A", "quantity": 1, "unit_price": json.Number("1e400")}}, "items[1].unit_price")
	bad("items", []any{obj{"sku": "A", "quantity": json.Number("-99999999999999999999"), "unit_price": 1}}, "items[0].quantity")
	bad("items", []any{obj{"sku": "", "quantity": 1, "unit_price": 1}}, "items[0].sku")
	s.do("GET", "/api/v1/orders/O-3", nil).problem(404, "")

	item := func(id, contact string) obj { return withField(orderBody(contact), "order_id", id) }
	wrong, huge := item("O-7", "C-1"), item("O-8", "C-1")
	wrong["items"] = []any{}
	huge["items"] = []any{obj{"sku": "A", "quantity": 1, "unit_price": json.Number("1e400")}}
	a = s.do("POST", "/api/v1/orders/batch", []any{wrong, huge, obj{"order_id": 9}, "O-10", item(strings.Repeat("x", 201), "C-1"), item("a\x00b", "C-1")}).want(200)
	for i, want := range []struct{ id, field any }{{"O-7", "items"}, {"O-8", "items[0].unit_price"}, {nil, "contact_external_id"}, {nil, ""}, {nil, "order_id"}, {nil, "order_id"}} {
		if a.get("items", i, "status") != "rejected" || a.get("items", i, "id") != want.id || a.get("items", i, "errors", 0, "location") != want.field {
			t.Errorf("item %d: %v, want %v", i, a.get("items", i), want)
		}
	}
	a = s.do("POST", "/api/v1/orders/batch", obj{"items": []any{item("O-1", "C-1"), item("O-4", "C-1"), item("O-5", "C-9"), orderBody("C-1")}}).want(200)
	for i, want := range []string{"updated", "created", "rejected", "rejected"} {
		if a.get("items", i, "status") != want {
			t.Errorf("item %d: %v, want %s", i, a.get("items", i), want)
		}
	}
	if a.get("items", 2, "errors", 0, "location") != "contact_external_id" || a.get("items", 3, "errors", 0, "location") != "order_id" {
		t.Errorf("%s", a.body)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := obj{"contact_external_id": "C-1", "name": "left a cart", "properties": obj{"value": 5}, "occurred_at": "2026-03-01T10:00:00Z", "idempotency_key": "k1"}
	s.do("POST", "/api/v1/events", body).problem(422, "contact_external_id")
	s.putContact("C-1", "c1@example.com")

	a := s.do("POST", "/api/v1/events", body).want(201)
	if a.get("name") != "left a cart" || a.get("properties", "value") != 5.0 || a.get("received_at") != "2026-03-14T09:26:53Z" {
		t.Errorf("%s", a.body)
	}
	if again := s.do("POST", "/api/v1/events", body).want(200); again.get("id") != a.get("id") {
		t.Errorf("the same key is another event: %s", again.body)
	}
	s.do("POST", "/api/v1/events", obj{"contact_external_id": "C-1", "name": "a\nb"}).problem(422, "name")
	s.do("POST", "/api/v1/events", obj{"contact_external_id": "C-1"}).problem(422, "name")
	s.do("POST", "/api/v1/events", obj{"contact_external_id": "C-1", "name": "x", "occurred_at": 5}).problem(422, "occurred_at")

	a = s.do("POST", "/api/v1/events/batch", []any{body, obj{"contact_external_id": "C-1", "name": "visited"}, obj{"contact_external_id": "C-9", "name": "visited"}}).want(200)
	for i, want := range []string{"unchanged", "created", "rejected"} {
		if a.get("items", i, "status") != want {
			t.Errorf("item %d: %v, want %s", i, a.get("items", i), want)
		}
	}

	s.do("POST", "/api/v1/events", obj{"name": "visited"}).problem(422, "contact_external_id")
	s.do("POST", "/api/v1/events", obj{"name": "visited", "email": "nobody"}).problem(422, "email")
	if a := s.do("POST", "/api/v1/events", obj{"name": "looked", "email": "New@example.com"}).want(201); a.get("contact_external_id") != "new@example.com" {
		t.Errorf("%s", a.body)
	}
	a = s.do("POST", "/api/v1/events/batch", []any{obj{"name": "looked", "email": "new@example.com"}, obj{"name": "looked", "contact_external_id": "C-9"}, obj{"name": "looked", "contact_external_id": "C-9", "email": "c9@example.com"}}).want(200)
	for i, want := range []string{"created", "rejected", "created"} {
		if a.get("items", i, "status") != want {
			t.Errorf("item %d: %v, want %s", i, a.get("items", i), want)
		}
	}
	if a := s.do("GET", "/api/v1/events?contact_external_id=C-1&name=visited", nil).want(200); len(a.get("items").([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	file := "Customer ID,E-Mail,First name,Shoe size\nC-1,one@example.com,One,38\nC-2,not an address,Two,39\n\"C-3,three@example.com\nC-4,four@example.com,Four,40\n"
	contacts := func(file string) answer {
		return s.request("POST", "/api/v1/imports/contacts?topic=offers&map="+url.QueryEscape("external_id=Customer ID"), "text/csv", strings.NewReader(file))
	}
	// A quote that is never closed takes the rest of the file with it or only its line:
	// either way the rows before it are in and the bad ones are named.
	a := contacts(file).want(200)
	if a.get("created").(float64) < 1 || a.get("rejected").(float64) < 2 {
		t.Errorf("%s", a.body)
	}
	if a.get("rejects", 0, "line") != 3.0 || a.get("rejects", 0, "field") != "email" || a.get("rejects", 0, "reason") == "" {
		t.Errorf("rejects: %s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM consents WHERE topic = 'offers' AND state = 'subscribed'`); n < 1 {
		t.Error("nobody is subscribed to the topic of the import")
	}

	good := "external_id,email\nC-1,one@example.com\nC-5,five@example.com\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(good))
	_ = z.Close()
	a = s.request("POST", "/api/v1/imports/contacts", "application/gzip", &zipped).want(200)
	if a.get("rows") != 2.0 || a.get("rejected") != 0.0 || len(a.get("rejects").([]any)) != 0 {
		t.Errorf("gzip: %s", a.body)
	}
	if a := s.request("POST", "/api/v1/imports/contacts", "text/csv", strings.NewReader(good)).want(200); a.get("unchanged") != 2.0 {
		t.Errorf("again: %s", a.body)
	}

	a = s.request("POST", "/api/v1/imports/products", "text/csv", strings.NewReader("sku,name,price\nA,Apple,1.20\nB,Bee,x\n")).want(200)
	if a.get("created") != 1.0 || a.get("rejected") != 1.0 {
		t.Errorf("products: %s", a.body)
	}
	orders := "order_id,contact_external_id,placed_at,sku,quantity,unit_price\nO-1,C-1,2026-01-02T03:04:05Z,A,2,1.20\nO-1,C-1,2026-01-02T03:04:05Z,B,1,3\nO-2,C-99,2026-01-02T03:04:05Z,A,1,1\n"
	a = s.request("POST", "/api/v1/imports/orders", "text/csv", strings.NewReader(orders)).want(200)
	if a.get("created") != 1.0 || a.get("rejected") != 1.0 || a.get("rejects", 0, "line") != 4.0 {
		t.Errorf("orders: %s", a.body)
	}

	before := s.count(`SELECT count(*) FROM contacts`)
	for path, body := range map[string]string{
		"/api/v1/imports/orders":                       "order_id,sku\n1,2\n",
		"/api/v1/imports/products":                     "name\nx\n",
		"/api/v1/imports/contacts":                     "",
		"/api/v1/imports/contacts?map=external_id":     good,
		"/api/v1/imports/contacts?map=shoe%3DNo":       good,
		"/api/v1/imports/contacts?topic=no%20topic!":   good,
		"/api/v1/imports/contacts?map=external_id%3DX": good,
	} {
		s.request("POST", path, "text/csv", strings.NewReader(body)).problem(422, "")
	}
	s.request("POST", "/api/v1/imports/contacts", "application/json", strings.NewReader("{}")).problem(415, "")
	s.request("POST", "/api/v1/imports/contacts", "multipart/form-data; boundary=x", strings.NewReader("")).problem(415, "")
	if n := s.count(`SELECT count(*) FROM contacts`); n != before {
		t.Errorf("a refused import has stored something: %d, then %d", before, n)
	}
}

// A file that says it is larger than the limit is refused before it is sent.
func TestImportTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r, _ := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+"/api/v1/imports/contacts", &zeros{left: importLimit + 1})
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "text/csv")
	r.Header.Set("Expect", "100-continue")
	r.ContentLength = importLimit + 1
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 413 || !strings.Contains(string(body), "2 GB") {
		t.Errorf("status %d: %s (%v)", res.StatusCode, body, err)
	}
}

// A body that turns out to be too large, or breaks off, is the client's to mend
// and leaves nothing behind.
func TestImportBreaksOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var file strings.Builder
	file.WriteString("external_id,email\n")
	for i := range 2000 {
		_, _ = fmt.Fprintf(&file, "C-%d,c%d@example.com\n", i, i)
	}
	a := &api{pool: s.pool, now: s.clock.Now, log: slog.New(slog.DiscardHandler)}
	run := func(body io.Reader, limit int64) *Problem {
		t.Helper()
		in := &importContactsInput{Topic: "news"}
		r := httptest.NewRequest("POST", "/api/v1/imports/contacts", body)
		in.body = newStreamBody(httptest.NewRecorder(), r, limit)
		if _, err := a.importContacts(t.Context(), in); err != nil {
			return problem(t.Context(), a.log, err)
		}
		t.Fatal("no error")
		return nil
	}
	if p := run(strings.NewReader(file.String()), 20_000); p.Status != 413 || !strings.Contains(p.Detail, "20000 bytes") {
		t.Errorf("too large: %+v", p)
	}
	half := io.MultiReader(strings.NewReader(file.String()[:20_000]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if p := run(half, importLimit); p.Status != 400 {
		t.Errorf("broken off: %+v", p)
	}
	slow := io.MultiReader(strings.NewReader(file.String()[:20_000]), iotest.ErrReader(os.ErrDeadlineExceeded))
	if p := run(slow, importLimit); p.Status != 408 {
		t.Errorf("too slow: %+v", p)
	}
	if n := s.count(`SELECT count(*) FROM contacts`); n != 0 {
		t.Errorf("%d contacts were stored", n)
	}

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(file.String()))
	_ = z.Close()
	cut := bytes.NewReader(zipped.Bytes()[:zipped.Len()/2])
	s.request("POST", "/api/v1/imports/contacts", "application/gzip", cut).problem(422, "file")
}
