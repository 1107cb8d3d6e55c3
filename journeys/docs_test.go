package journeys

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docsExamples are the YAML examples of docs/journeys.md.
func docsExamples(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../docs/journeys.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		out = append(out, m[1])
	}
	if len(out) < 2 {
		t.Fatalf("only %d examples", len(out))
	}
	return out
}

// The examples are complete: they are files that can be applied as they are.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	for _, example := range docsExamples(t) {
		f, err := ReadFile(strings.NewReader(example))
		if err != nil {
			t.Errorf("%v in\n%s", err, example)
			continue
		}
		used, _ := f.names()
		if len(f.Templates) != len(used) {
			t.Errorf("%q: %d templates, of which %q are used", f.Name, len(f.Templates), used)
		}
	}
}

// Everything that a definition can hold is described.
func TestDocsAreComplete(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/journeys.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range goodDefinitions {
		for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(example, -1) {
			if ofRule := regexp.MustCompile(`^(field|operator|value|from|level|tags|old)$`); !ofRule.MatchString(m[1]) && !strings.Contains(string(raw), "`"+m[1]+"`") {
				t.Errorf("%s is not in docs/journeys.md", m[1])
			}
		}
	}
	for _, word := range []string{ReasonGoal, ReasonRefunded, ReasonCancelled, ReasonUnsubscribed, ReasonSuppressed, ReasonFilter, ReasonHappened, ReasonNotWanted, ReasonStep, ReasonEntered, ReasonArchived} {
		if !strings.Contains(string(raw), "`"+word+"`") {
			t.Errorf("reason %s is not in docs/journeys.md", word)
		}
	}
}
