package templates

import (
	"strings"
	"testing"
)

// What one starts from has nothing to complain about, and says what it is for.
func TestSamplesAreRight(t *testing.T) {
	t.Parallel()
	for _, language := range SampleLanguages {
		list := Samples(language)
		if len(list) != 3 {
			t.Errorf("%s: %d samples", language, len(list))
		}
		for _, s := range list {
			if s.Language != language || s.Name == "" || s.Description == "" || s.Subject == "" || s.Preheader == "" || (s.HTML == "") == (s.MJML == "") {
				t.Errorf("%s/%s is not complete: %+v", language, s.ID, s)
			}
			for _, facts := range []Facts{SampleFacts(), bareFacts()} {
				d := madeUp()
				d.Facts = facts
				m, found := TryOut(t.Context(), s.Source, d)
				if len(found) > 0 {
					t.Errorf("%s/%s:\n%s", language, s.ID, describe(found))
				}
				if strings.Contains(m.HTML, "{{") || strings.Contains(m.Text, "{%") || m.Preheader != s.Preheader {
					t.Errorf("%s/%s for %s: %q\n%s", language, s.ID, facts.Contact.ExternalID, m.Preheader, m.Text)
				}
			}
		}
	}
	if Samples("fr")[0].Language != "en" {
		t.Error("an unknown language has no samples")
	}
	m, _ := TryOut(t.Context(), Samples("de")[2].Source, madeUp())
	for _, want := range []string{"Kenya AA, 250 g", "39,70\u00a0€", "14.3.2026"} {
		if !strings.Contains(m.HTML, want) || !strings.Contains(m.Text, want) {
			t.Errorf("%q is not in\n%s", want, m.Text)
		}
	}
}
