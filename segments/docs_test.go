package segments

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocs: every example in docs/rules.md is a rule, and every field and operator
// is in it; what only journeys know is in their section, and theirs alone.
func TestDocs(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), "\n## In journeys\n")
	journeys, after, _ := strings.Cut(rest, "\n## ")
	if !found {
		t.Fatal("there is no section on journeys")
	}
	plain := before + after
	for _, example := range examples(t, plain, 5) {
		if _, err := Parse(example); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	for _, example := range examples(t, journeys, 3) {
		takes := func(s Scope) bool { _, err := ParseTriggered(example, s); return err == nil }
		if !slices.ContainsFunc([]Scope{ContactScope, OrderScope, EventScope}, takes) {
			t.Errorf("no journey takes %s", example)
		}
		if takes("") {
			t.Errorf("there is nothing of journeys in %s", example)
		}
	}
	check := func(f field, name string) {
		text, other := plain, journeys
		if f.scope != "" {
			text, other = journeys, plain
		}
		if !strings.Contains(text, "`"+name) {
			t.Errorf("%s is not in its part of docs/rules.md", name)
		}
		if f.scope != "" && strings.Contains(other, "`"+name) {
			t.Errorf("%s is where it is not known", name)
		}
		for _, word := range slices.Concat(f.operators, f.options) {
			if !strings.Contains(string(raw), "`"+word) {
				t.Errorf("%s is not in docs/rules.md", word)
			}
		}
	}
	for name := range contactTexts {
		check(contactField, name)
	}
	for name, f := range fields {
		check(f, name)
	}
	for name, f := range families {
		check(f, name+".")
	}
}

func examples(t *testing.T, text string, atLeast int) [][]byte {
	t.Helper()
	var out [][]byte
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(text, -1) {
		raw := []byte(m[1])
		var request struct{ Rule json.RawMessage }
		if err := json.Unmarshal(raw, &request); err == nil && request.Rule != nil {
			raw = request.Rule
		}
		out = append(out, raw)
	}
	if len(out) < atLeast {
		t.Errorf("only %d examples", len(out))
	}
	return out
}
