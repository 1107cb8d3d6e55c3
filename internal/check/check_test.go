package check

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/internal/fault"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" Zoë ": "", "": "", strings.Repeat("ü", 10): "",
		"a\r\nBcc: x": "control", "a\x00": "control", "a\xff": "UTF-8", strings.Repeat("ü", 11): "longer",
	} {
		var wrong fault.List
		got := Text(&wrong, "name", in, 10)
		if err := wrong.Err(); want == "" && (err != nil || got != strings.TrimSpace(in)) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Shop.Example": "shop.example", "k\u00e4se.example": "xn--kse-qla.example", "a-b.c.example": "a-b.c.example",
		"": "", "localhost": "", "127.0.0.1": "", "a..example": "", "shop.example.": "", "a_b.example": "", "a b.example": "", "a@b.example": "",
		"-a.example": "", "\xff.example": "", strings.Repeat("a", 64) + ".example": "", strings.Repeat("a.", 130) + "example": "",
	} {
		got, ok := Domain(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in time.Time
		ok bool
	}{{time.Unix(1_800_000_000, 0), true}, {time.Time{}, false}, {time.Unix(1_800_000_000_000, 0), false}} {
		var wrong fault.List
		if Time(&wrong, "at", tt.in); (wrong.Err() == nil) != tt.ok {
			t.Errorf("%s: %v", tt.in, wrong.Err())
		}
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	deep := any("x")
	for range 25 {
		deep = []any{deep}
	}
	for name, tt := range map[string]struct {
		in map[string]any
		ok bool
	}{
		"plain":        {map[string]any{"a": 1, "b": []any{"{[\\\"", nil}}, true},
		"escaped":      {map[string]any{"a": `\u0000`}, true}, // the six characters, not a NUL
		"NUL":          {map[string]any{"a": "x\x00"}, false},
		"NUL in a key": {map[string]any{"a": map[string]any{"\x00": 1}}, false},
		"empty name":   {map[string]any{" ": 1}, false},
		"line break":   {map[string]any{"a\nb": 1}, false},
		"deep":         {map[string]any{"a": deep}, false},
		"large":        {map[string]any{"a": strings.Repeat("x", maxObject)}, false},
		"not JSON":     {map[string]any{"a": func() {}}, false},
	} {
		var wrong fault.List
		data := Object(&wrong, "attributes", tt.in)
		if (wrong.Err() == nil) != tt.ok || tt.ok != json.Valid(data) {
			t.Errorf("%s: %s, %v", name, data, wrong.Err())
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":"\u0000"}`: "true 1", `{"a":"\\u0000"}`: "false 1", `{"a":"\\\u0000"}`: "true 1", `{"\u0000":1}`: "true 1",
		`{"a":[{"b":"]]][[[\"{{{"}]}`: "false 3", `[]`: "false 1", `1`: "false 0",
	} {
		if nul, depth := inspect([]byte(in)); fmt.Sprint(nul, depth) != want {
			t.Errorf("inspect(%s) = %v %d, want %s", in, nul, depth, want)
		}
	}
}

func TestWithoutAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"550 5.1.1 <ann@shop.example>: no such user":   "550 5.1.1 <…@…>: no such user",
		"RCPT TO:<ann.o'hara+x@shop.example> refused":  "RCPT TO:<…@…> refused",
		`to "ann o"@shop.example, bob@[192.0.2.1]; ok`: "to …@…, …@…; ok",
		"user ä@käse.example":                          "user …@…",
		"@x.example and y@":                            "…@… and …@…",
		"dial tcp 192.0.2.1:25: connection refused":    "dial tcp 192.0.2.1:25: connection refused",
		"": "",
	} {
		if got := WithoutAddresses(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
