package web

import (
	"net/url"
	"strings"
	"testing"

	"posthorn/imports"
)

// externalIDs of a page of contacts, in their order.
func externalIDs(a answer) string {
	var ids []string
	for _, item := range a.get("items").([]any) {
		ids = append(ids, item.(obj)["external_id"].(string))
	}
	return strings.Join(ids, " ")
}

func TestContactListFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("PUT", "/api/v1/contacts/A", obj{"email": "ada@example.com", "first_name": "Ada", "last_name": "Zorn", "country": "Iceland", "created_at": "2026-01-01T00:00:00Z", "topics": obj{"news": "subscribed"}}).want(200)
	s.do("PUT", "/api/v1/contacts/B", obj{"email": "bo@example.com", "first_name": "Bo", "last_name": "Holm", "country": "Norway", "created_at": "2026-02-01T00:00:00Z", "topics": obj{"news": "unsubscribed"}}).want(200)
	s.do("PUT", "/api/v1/contacts/C", obj{"email": "cy@example.com", "country": "Iceland", "created_at": "2026-01-15T00:00:00Z"}).want(200)
	for _, id := range []string{"B", "A"} {
		s.do("PUT", "/api/v1/orders/O-"+id, obj{"contact_external_id": id, "placed_at": "2026-03-0" + map[string]string{"A": "1", "B": "2"}[id] + "T00:00:00Z", "items": []any{obj{"sku": "X", "quantity": 1, "unit_price": 5}}}).want(200)
	}
	s.do("POST", "/api/v1/suppressions", obj{"email": "cy@example.com"}).want(201)
	segment := s.do("POST", "/api/v1/segments", obj{"name": "Icelanders", "rule": obj{"field": "country", "operator": "=", "value": "Iceland"}}).want(201)
	if segment.get("id") != 1.0 {
		t.Fatal(string(segment.body))
	}
	for query, want := range map[string]string{
		"": "A B C", "sort=newest": "B C A", "sort=oldest": "A C B", "sort=name": "B A C", "sort=last_order": "B A C", "query=olm": "B", "country=Iceland": "A C",
		"topic=news&consent=subscribed": "A", "topic=news&consent=never_asked": "C", "suppressed=yes": "C", "suppressed=no": "A B",
		"ordered=yes": "A B", "ordered=no": "C", "segment=1": "A C", "segment=1&ordered=yes&query=zorn": "A", "country=Iceland&ordered=yes&topic=news&consent=unsubscribed": "",
	} {
		a := s.do("GET", "/api/v1/contacts?total=true&"+query, nil).want(200)
		if got := externalIDs(a); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if n := len(strings.Fields(want)); a.get("total", "count") != float64(n) || a.get("total", "exact") != true {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	a := s.do("GET", "/api/v1/contacts?sort=name&limit=2", nil).want(200)
	if a.json()["total"] != nil {
		t.Errorf("a total that nobody asked for: %s", a.body)
	}
	rest := s.do("GET", "/api/v1/contacts?sort=name&limit=2&cursor="+url.QueryEscape(a.get("next_cursor").(string)), nil).want(200)
	if got := externalIDs(a) + " " + externalIDs(rest); got != "B A C" || rest.get("next_cursor") != "" {
		t.Errorf("page by page: %q", got)
	}
	if a.get("items", 0, "orders") != 1.0 || a.get("items", 0, "last_order_at") != "2026-03-02T00:00:00Z" || rest.get("items", 0, "suppression") != "manual" {
		t.Errorf("%s %s", a.body, rest.body)
	}
	a = s.do("GET", "/api/v1/contacts?sort=name&limit=1&pages=2", nil).want(200)
	if got := a.get("pages").([]any); len(got) != 1 || externalIDs(s.do("GET", "/api/v1/contacts?sort=name&limit=2&cursor="+url.QueryEscape(got[0].(string)), nil).want(200)) != "C" {
		t.Errorf("where the pages begin: %s", a.body)
	}
	if a := s.do("GET", "/api/v1/contacts?limit=1&pages=3", nil).want(200); a.json()["pages"] != nil {
		t.Errorf("there is one page: %s", a.body)
	}
	s.do("GET", "/api/v1/contacts?cursor="+url.QueryEscape(a.get("next_cursor").(string)), nil).problem(422, "query.cursor")
	s.do("GET", "/api/v1/contacts?sort=age", nil).problem(422, "query.sort")
	s.do("GET", "/api/v1/contacts?segment=99", nil).problem(404, "")
	s.do("GET", "/api/v1/contacts?consent=subscribed", nil).problem(422, "query.topic")
	s.do("GET", "/api/v1/contacts?suppressed=perhaps", nil).problem(422, "query.suppressed")
}

func TestContactProfile(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("GET", "/api/v1/contacts/C-1/profile", nil).problem(404, "")
	s.putContact("C-1", "one@example.com")
	a := s.do("GET", "/api/v1/contacts/C-1/profile", nil).want(200)
	if a.get("suppression") != nil || len(a.get("segments").([]any)) != 0 || a.get("stats", "orders") != 0.0 || a.get("stats", "first_at") != nil || len(a.get("stats", "spent").([]any)) != 0 || len(a.get("stats", "favourite").([]any)) != 0 {
		t.Errorf("of one who did nothing: %s", a.body)
	}

	s.do("PUT", "/api/v1/products/GR", obj{"name": "<script>grinder</script>"}).want(200)
	for id, order := range map[string]obj{
		"1": {"placed_at": "2026-01-01T00:00:00Z", "currency": "EUR", "status": "paid", "items": []any{obj{"sku": "GR", "quantity": 2, "unit_price": 10}, obj{"sku": "B", "quantity": 1, "unit_price": 1.5}}},
		"2": {"placed_at": "2026-02-01T00:00:00Z", "currency": "EUR", "items": []any{obj{"sku": "B", "quantity": 4, "unit_price": 1}}},
		"3": {"placed_at": "2026-02-02T00:00:00Z", "currency": "ISK", "items": []any{obj{"sku": "B", "quantity": -1, "unit_price": 100}}},
		"4": {"placed_at": "2026-03-02T00:00:00Z", "currency": "EUR", "status": "refunded", "items": []any{obj{"sku": "GR", "quantity": 9, "unit_price": 10}}},
	} {
		s.do("PUT", "/api/v1/orders/O-"+id, withField(order, "contact_external_id", "C-1")).want(200)
	}
	s.do("POST", "/api/v1/events", obj{"contact_external_id": "C-1", "name": "visited"}).want(201)
	s.do("POST", "/api/v1/suppressions", obj{"email": "ONE@example.com", "cause": "complaint", "detail": "by post"}).want(201)
	for name, country := range map[string]string{"Nowhere": "null", "Somewhere": "not_null"} {
		s.do("POST", "/api/v1/segments", obj{"name": name, "rule": obj{"field": "country", "operator": country}}).want(201)
	}
	a = s.do("GET", "/api/v1/contacts/C-1/profile", nil).want(200)
	for _, want := range []struct {
		value any
		path  []any
	}{
		{"C-1", []any{"contact", "external_id"}}, {"subscribed", []any{"consents", 0, "state"}}, {"complaint", []any{"suppression", "cause"}}, {"by post", []any{"suppression", "detail"}},
		{"Nowhere", []any{"segments", 0, "name"}}, {3.0, []any{"stats", "orders"}}, {1.0, []any{"stats", "undone"}}, {"2026-01-01T00:00:00Z", []any{"stats", "first_at"}}, {"2026-02-02T00:00:00Z", []any{"stats", "last_at"}},
		{"EUR", []any{"stats", "spent", 0, "currency"}}, {25.5, []any{"stats", "spent", 0, "total"}}, {2.0, []any{"stats", "spent", 0, "orders"}}, {-100.0, []any{"stats", "spent", 1, "total"}},
		{"B", []any{"stats", "favourite", 0, "sku"}}, {5.0, []any{"stats", "favourite", 0, "quantity"}}, {"<script>grinder</script>", []any{"stats", "favourite", 1, "name"}},
		{4.0, []any{"deletes", "orders"}}, {1.0, []any{"deletes", "events"}}, {1.0, []any{"deletes", "consents"}}, {0.0, []any{"deletes", "messages"}}, {0.0, []any{"deletes", "under_way"}},
	} {
		if got := a.get(want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	if len(a.get("segments").([]any)) != 1 || a.json()["contact"].(obj)["id"] != nil {
		t.Errorf("%s", a.body)
	}
	// Items are shown with their product's name, as far as it is known.
	o := s.do("GET", "/api/v1/orders/O-1", nil).want(200)
	if o.get("items", 0, "name") != "<script>grinder</script>" || o.get("items", 1, "name") != nil {
		t.Errorf("%s", o.body)
	}
}

func TestSegmentsAreSaid(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do("PUT", "/api/v1/products/GR", obj{"name": "Hand grinder", "category": "grinders"}).want(200)
	s.do("PUT", "/api/v1/contacts/1", obj{"country": "Iceland", "attributes": obj{"tier": "gold"}, "topics": obj{"news": "subscribed"}}).want(200)
	rule := obj{"field": "bought.product", "operator": "not_bought", "value": "GR"}
	english, german := "Contacts who have not bought “Hand grinder”.", "Kontakte, die „Hand grinder“ nicht gekauft haben."
	for what, a := range map[string]answer{
		"made":      s.do("POST", "/api/v1/segments", obj{"name": "s", "rule": rule}).want(201),
		"estimated": s.do("POST", "/api/v1/segments/estimate", obj{"rule": rule}).want(200),
		"changed":   s.do("PUT", "/api/v1/segments/1", obj{"name": "s", "rule": rule}).want(200),
		"got":       s.do("GET", "/api/v1/segments/1", nil).want(200),
	} {
		if a.get("sentence", "en") != english || a.get("sentence", "de") != german {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	s.exec(`INSERT INTO segments (name, rule, created_at, updated_at) VALUES ('of another version', '{"field": "shoe"}', now(), now())`)
	a := s.do("GET", "/api/v1/segments", nil).want(200)
	if a.get("items", 0, "sentence", "en") != "" || a.get("items", 1, "sentence", "de") != german {
		t.Errorf("listed: %s", a.body)
	}

	a = s.do("GET", "/api/v1/segments/fields", nil).want(200)
	if a.get("topics", 0) != "news" || a.get("attributes", 0, "name") != "tier" || a.get("attributes", 0, "types", 0) != "text" {
		t.Errorf("%s", a.body)
	}
	count := len(a.get("fields").([]any))
	if more := s.do("GET", "/api/v1/segments/fields?scope=order", nil).want(200); len(more.get("fields").([]any)) != count+7 {
		t.Errorf("%s", more.body)
	}
	a = s.do("GET", "/api/v1/segments/values?field=bought.product&query=grind", nil).want(200)
	if a.get("items", 0, "value") != "GR" || a.get("items", 0, "label") != "Hand grinder" || a.get("items", 0, "hint") != "grinders" {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/segments/values", nil).problem(422, "query.field")
	s.do("GET", "/api/v1/segments/values?field=shoe", nil).problem(422, "query.field")
	if a := s.do("GET", "/api/v1/segments/1/uses", nil).want(200); len(a.get("items").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/segments/9/uses", nil).problem(404, "")
}

func TestSuppressionListAndTopics(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.putContact("1", "ada@example.com")
	s.putContact("2", "bo@example.com")
	s.do("POST", "/api/v1/suppressions", obj{"email": "zoe@example.com", "cause": "bounce"}).want(201)
	s.clock.Advance(1e9)
	s.do("POST", "/api/v1/suppressions", obj{"email": "ada@example.com"}).want(201)
	a := s.do("GET", "/api/v1/suppressions?sort=newest&limit=1", nil).want(200)
	if a.get("items", 0, "email") != "ada@example.com" || a.get("items", 0, "contacts") != 1.0 {
		t.Errorf("%s", a.body)
	}
	a = s.do("GET", "/api/v1/suppressions?sort=newest&limit=1&cursor="+a.get("next_cursor").(string), nil).want(200)
	if a.get("items", 0, "email") != "zoe@example.com" || a.get("next_cursor") != "" {
		t.Errorf("%s", a.body)
	}
	for query, n := range map[string]int{"query=@example": 2, "query=ZOE": 1, "cause=bounce": 1, "cause=complaint": 0} {
		if a := s.do("GET", "/api/v1/suppressions?"+query, nil).want(200); len(a.get("items").([]any)) != n {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	s.do("GET", "/api/v1/suppressions?cause=whim", nil).problem(422, "query.cause")
	if a := s.do("GET", "/api/v1/suppression-counts", nil).want(200); a.get("bounce") != 1.0 || a.get("manual") != 1.0 || a.get("complaint") != 0.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/topics", nil).want(200); a.get("items", 0, "topic") != "news" || a.get("items", 0, "subscribed") != 2.0 || a.get("items", 0, "reachable") != 1.0 {
		t.Errorf("%s", a.body)
	}
}

func (s *server) upload(path, file string) answer {
	s.t.Helper()
	return s.request("POST", path, "text/csv", strings.NewReader(file))
}

func TestUploads(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	file := "Kundennummer;E-Mail;Vorname\n1;one@example.com;<script>alert(1)</script>\n2;nobody;Two\n"
	a := s.upload("/api/v1/imports/preview?kind=contacts&topic=news", file).want(200)
	if a.get("separator") != "semicolon" || a.get("columns", 0, "field") != "external_id" || a.get("rows", 0, "values", "first_name") != "<script>alert(1)</script>" || a.get("rows", 1, "problems", 0, "field") != "email" || len(a.get("problems").([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	a = s.upload("/api/v1/imports/preview?kind=contacts&map=first_name%3DNo&skip=Vorname", "Name;Vorname\nx;y\n").want(200)
	if len(a.get("problems").([]any)) != 2 || a.get("columns", 1, "skipped") != true {
		t.Errorf("%s", a.body)
	}
	// Only the beginning counts, whatever comes behind it.
	if a := s.upload("/api/v1/imports/preview?kind=contacts", file+strings.Repeat("3;x@example.com;Three\n", 90_000)).want(200); len(a.get("rows").([]any)) != 20 {
		t.Errorf("%.300s", a.body)
	}
	if a := s.upload("/api/v1/imports/preview?kind=contacts&cut=true", file[:len(file)-3]).want(200); len(a.get("rows").([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
	s.upload("/api/v1/imports/preview?kind=shoes", file).problem(422, "query.kind")
	s.upload("/api/v1/imports/preview?kind=contacts&topic=no%20topic", file).problem(422, "query.topic")
	s.upload("/api/v1/imports/preview?kind=products&topic=news", file).problem(422, "query.topic")
	s.upload("/api/v1/imports/preview?kind=contacts", "").problem(422, "file")
	s.upload("/api/v1/imports/preview?kind=contacts", strings.Repeat("x", previewLimit+1)).problem(413, "")

	s.upload("/api/v1/imports?kind=contacts", "Name\nx\n").problem(422, "columns")
	if n := s.count(`SELECT count(*) FROM imports`); n != 0 {
		t.Errorf("%d imports of what was refused or only looked at", n)
	}
	a = s.upload("/api/v1/imports?kind=contacts&topic=news&source=the%20fair&name=customers.csv", file).want(201)
	if a.get("state") != "waiting" || a.get("file_name") != "customers.csv" || a.get("created_by") != "tests" || a.get("options", "source") != "the fair" || a.get("size") != float64(len(file)) {
		t.Errorf("%s", a.body)
	}
	if len(s.knocks.imports) != 1 || s.knocks.imports[0] != 1 {
		t.Errorf("knocked for %v", s.knocks.imports)
	}
	if _, mine, err := imports.Run(t.Context(), s.pool, s.clock.Now, 1); !mine || err != nil {
		t.Fatal(mine, err)
	}
	a = s.do("GET", "/api/v1/imports/1", nil).want(200)
	if a.get("state") != "done" || a.get("created") != 1.0 || a.get("rejected") != 1.0 || a.get("rejects", 0, "line") != 3.0 || a.get("has_rejects") != true || a.get("read_share") != 1.0 {
		t.Errorf("%s", a.body)
	}
	if n := s.count(`SELECT count(*) FROM consents WHERE topic = 'news' AND source = 'the fair'`); n != 1 {
		t.Errorf("%d consents", n)
	}
	a = s.do("GET", "/api/v1/imports/1/rejects", nil).want(200)
	if want := "\ufeffKundennummer;E-Mail;Vorname;rejected_line;rejected_field;rejected_reason;rejected_row\n2;nobody;Two;3;email;is not an address: there is no @;\n"; string(a.body) != want || a.header.Get("Content-Disposition") != "attachment; filename=customers.rejected.csv" {
		t.Errorf("%q %v", a.body, a.header)
	}
	s.do("POST", "/api/v1/imports/1/cancel", nil).problem(409, "")
	s.do("POST", "/api/v1/imports/1/retry", nil).problem(409, "")
	s.do("GET", "/api/v1/imports/9", nil).problem(404, "")
	s.do("GET", "/api/v1/imports/9/rejects", nil).problem(404, "")

	s.upload("/api/v1/imports?kind=products", "sku\nA\n").want(201)
	s.do("GET", "/api/v1/imports/2/rejects", nil).problem(404, "")
	if a := s.do("POST", "/api/v1/imports/2/cancel", nil).want(200); a.get("state") != "cancelled" || a.get("retryable") != true {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", "/api/v1/imports/2/retry", nil).want(200); a.get("state") != "waiting" || len(s.knocks.imports) != 3 {
		t.Errorf("%s, knocked for %v", a.body, s.knocks.imports)
	}
	a = s.do("GET", "/api/v1/imports?limit=1", nil).want(200)
	if a.get("items", 0, "id") != 2.0 || a.get("next_cursor") == "" {
		t.Errorf("%s", a.body)
	}
	if strings.Contains(s.log.String(), "one@example.com") || strings.Contains(s.log.String(), "nobody") {
		t.Error("rows are in the log")
	}
}
