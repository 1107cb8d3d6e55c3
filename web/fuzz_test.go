package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Whatever comes in as a batch, it is decoded or refused with a reason, and every
// item is accounted for.
func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		`{"items":[{"order_id":"O","contact_external_id":"C","placed_at":"2026-01-01T00:00:00Z","items":[{"sku":"a","quantity":1,"unit_price":"2.50"}]}]}`,
		`[]`, `[1,null,"x",{},[]]`, `{"items":null}`, `{"items":[{}],"x":1}`, `{`, ``, `{"items":[{"order_id":"\u0000"}]}`, `[{"items":[{"unit_price":1e999}]}]`,
		`{"items":{}}`, `{"items":[{"placed_at":"0000-00-00T00:00:00Z"}]}`, strings.Repeat("[", 200),
	} {
		f.Add([]byte(seed))
	}
	a := newAPI(http.NewServeMux(), Deps{})
	a.routes()
	f.Fuzz(func(t *testing.T, data []byte) {
		var in batchInput[OrderItem]
		if err := jsonFormat.Unmarshal(data, &in.Body); err != nil {
			p := schemaProblem("id", http.StatusUnprocessableEntity, "validation failed", []error{err})
			if p.Detail == "" || p.Status != 400 && p.Status != 422 {
				t.Fatalf("%q: %+v", data, p)
			}
			if strings.ContainsRune(p.Detail, 0) {
				t.Fatalf("%q: the marks of a located error are shown: %q", data, p.Detail)
			}
			return
		}
		b := decodeBatch[OrderItem](a, in.Body, "order_id")
		rejected := 0
		for _, item := range b.items {
			if item.Errors != nil {
				rejected++
			}
		}
		if rejected+len(b.Good) != len(in.Body.items) {
			t.Fatalf("%d items: %d rejected, %d good", len(in.Body.items), rejected, len(b.Good))
		}
		for _, item := range b.Good {
			if out, err := json.Marshal(item); err != nil || !storable(string(out)) || strings.Contains(string(out), `\u0000`) {
				t.Fatalf("a good item that cannot be stored: %q, %v", out, err)
			}
		}
	})
}
