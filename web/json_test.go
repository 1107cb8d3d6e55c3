package web

import (
	"encoding/json"
	"errors"
	"testing"

	"posthorn/internal/fault"
)

func TestAWrongValueIsNamedByItsPath(t *testing.T) {
	t.Parallel()
	type inner struct {
		Quantity int `json:"quantity"`
	}
	type outer struct {
		ID    string  `json:"id"`
		Items []inner `json:"items"`
		Free  any     `json:"free"`
	}
	type body struct{ outer }
	for _, tt := range []struct{ text, path string }{
		{`{"id": "a", "items": [{"quantity": 1}, {"quantity": 1e400 }]}`, "items[1].quantity"},
		{`{"items": [{"quantity": 99999999999999999999}, {"quantity": 1}], "id": "a"}`, "items[0].quantity"},
		{`{"id": {"a": 1}, "items": []}`, "id"},
		{`{"id": 5,"items": []}`, "id"},
		{`{"free": [1, {"b": [true, 1e999]}, "c"]}`, "free[1].b[1]"},
		{`{"free": [1e999,"c"]}`, "free[0]"},
		{`{"free": {"a": {}, "b": [[], 2], "c": 1e999, "d": 3}}`, "free.c"},
		{`{"items": [{"quantity": 1}, 7]}`, "items[1]"},
		{`[1]`, ""},
	} {
		var b body
		err := decodeJSON([]byte(tt.text), &b)
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || invalid.Field != tt.path {
			t.Errorf("%s: %v, want the field %q", tt.text, err, tt.path)
		}
	}
	for text, path := range map[string]string{`1e999`: "", `[1, {"b": [1e999]}]`: "[1].b[0]", `{"a": 1e999   , "b": 2}`: "a"} {
		var v any
		err := decodeJSON([]byte(text), &v)
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || invalid.Field != path || invalid.Message != "is a number out of range" {
			t.Errorf("%s: %v, want the field %q", text, err, path)
		}
	}
}

func FuzzPathAt(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}]}`, `[1e999,"x"]`, `}`, `{"a"`, ` [ ] `} {
		f.Add([]byte(seed), int64(len(seed)))
	}
	f.Fuzz(func(t *testing.T, data []byte, offset int64) {
		if offset < 0 {
			return
		}
		if path := pathAt(data, offset); json.Valid(data) && offset == 0 && path != "" {
			t.Fatalf("%q: nothing begins before the beginning, but %q", data, path)
		}
	})
}

func TestSeveralProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		locations     []string
		field, detail string
	}{
		{[]string{"html"}, "html", "html: m"},
		{[]string{"html", "html"}, "html", "html: 2 problems, see errors"},
		{[]string{"", ""}, "", "2 problems, see errors"},
		{[]string{"html", "subject"}, "", "2 fields are wrong, see errors"},
		{[]string{"html", "subject", "html"}, "", "3 problems in 2 fields, see errors"},
	} {
		var errs []FieldError
		for _, l := range tt.locations {
			errs = append(errs, FieldError{Location: l, Message: "m"})
		}
		if p := newProblem("id", 422, "").invalid(errs); p.Field != tt.field || p.Detail != tt.detail || len(p.Errors) != len(errs) {
			t.Errorf("%q: field %q, detail %q", tt.locations, p.Field, p.Detail)
		}
	}
}
