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
// is in it.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(examples) < 5 {
		t.Errorf("only %d examples", len(examples))
	}
	for _, m := range examples {
		raw := m[1]
		var request struct{ Rule json.RawMessage }
		if err := json.Unmarshal(raw, &request); err == nil && request.Rule != nil {
			raw = request.Rule
		}
		if _, err := Parse(raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	var words []string
	for name := range contactTexts {
		words = append(words, name)
	}
	all := []field{contactField}
	for name, f := range fields {
		words, all = append(words, name), append(all, f)
	}
	for name, f := range families {
		words, all = append(words, name+"."), append(all, f)
	}
	for _, f := range all {
		words = slices.Concat(words, f.operators, f.options)
	}
	for _, word := range words {
		if !strings.Contains(string(text), "`"+word) {
			t.Errorf("%s is not in docs/rules.md", word)
		}
	}
}
