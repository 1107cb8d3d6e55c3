package contacts

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// newRandom returns a source that gives the same numbers in each run of a test.
func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

// randomInput is an input from a world so small that ids and addresses clash.
func randomInput(rnd *rand.Rand) Input {
	var in Input
	addresses := []string{"a@x.example", "B@x.example", "b@X.example", "c@x.example"}
	switch rnd.IntN(4) {
	case 0:
		in.Email = ptr(addresses[rnd.IntN(len(addresses))])
	case 1:
		in.ExternalID = []string{"1", "2", "3", "a@x.example"}[rnd.IntN(4)]
	default:
		in.ExternalID = []string{"1", "2", "3", "a@x.example"}[rnd.IntN(4)]
		in.Email = ptr(addresses[rnd.IntN(len(addresses))])
	}
	if rnd.IntN(2) == 0 {
		in.FirstName = ptr(fmt.Sprint("F", rnd.IntN(3)))
	}
	if rnd.IntN(3) == 0 {
		in.Attributes = map[string]any{"k": fmt.Sprint(rnd.IntN(3)), fmt.Sprint("k", rnd.IntN(3)): "x"}
	}
	if rnd.IntN(3) == 0 {
		in.Topics = map[string]string{[]string{"news", "offers"}[rnd.IntN(2)]: []string{Subscribed, Unsubscribed}[rnd.IntN(2)]}
	}
	return in
}

// people is a snapshot without what depends on ids.
func people(a all) []string {
	var out []string
	for _, c := range a.Contacts {
		attributes, _ := json.Marshal(c.Attributes)
		out = append(out, strings.Join([]string{c.ExternalID, c.Email, c.FirstName, string(attributes)}, "|"))
	}
	for _, c := range a.Consents {
		out = append(out, strings.Join([]string{c.ExternalID, c.Topic, c.State}, "|"))
	}
	slices.Sort(out)
	return out
}

func describe(batch []Input) string {
	var b strings.Builder
	for _, in := range batch {
		data, _ := json.Marshal(in)
		fmt.Fprintf(&b, "%s\n", data)
	}
	return b.String()
}
