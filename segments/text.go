package segments

import (
	"slices"
	"strings"
	"time"
)

// fold makes ASCII letters small. It is what Postgres' lower() does under the
// collation "C", whatever the database's locale is; folding more in one of the two
// would make them disagree.
func fold(s string) string {
	i := strings.IndexFunc(s, isUpper)
	if i < 0 {
		return s
	}
	out := []byte(s)
	for ; i < len(out); i++ {
		if isUpper(rune(out[i])) {
			out[i] += 'a' - 'A'
		}
	}
	return string(out)
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }

// textTest compares a text that is not empty. A text without a value passes none.
type textTest struct {
	op     string
	values []string // folded where the text is
}

var textOperators = []string{
	"=", "!=", "<", "<=", ">", ">=", "between", "not_between", "in", "not_in",
	"contains", "does_not_contain", "begins_with", "does_not_begin_with", "ends_with", "does_not_end_with",
}

// textTest reads the value of a text operator.
func (in *input) textTest(folded bool) textTest {
	v, path := in.value(), in.path+".value"
	t := textTest{op: in.op}
	switch in.op {
	case "in":
		t.values = in.texts(path, in.list(path, v))
		in.out.json.Value = slices.Clone(t.values)
	case "between":
		t.values = in.texts(path, in.pair(path, v))
		in.out.json.Value = slices.Clone(t.values)
	default:
		if s, ok := in.text(path, v); ok {
			t.values, in.out.json.Value = []string{s}, s
		}
	}
	if folded {
		for i, s := range t.values {
			t.values[i] = fold(s)
		}
	}
	if t.op == "between" && len(t.values) == 2 && t.values[0] > t.values[1] {
		in.valueFault("ends before it begins")
	}
	return t
}

func (t textTest) match(s string) bool {
	if s == "" {
		return false
	}
	v := t.values[0]
	switch t.op {
	case "=":
		return s == v
	case "in":
		return slices.Contains(t.values, s)
	case "<":
		return s < v
	case "<=":
		return s <= v
	case ">":
		return s > v
	case ">=":
		return s >= v
	case "between":
		return v <= s && s <= t.values[1]
	case "contains":
		return strings.Contains(s, v)
	case "begins_with":
		return strings.HasPrefix(s, v)
	default: // ends_with
		return strings.HasSuffix(s, v)
	}
}

// sql tests expr, which is not NULL and has the collation "C".
func (t textTest) sql(b *builder, expr string) string {
	switch t.op {
	case "=", ">", ">=":
		return "(" + expr + " " + t.op + " " + b.text(t.values[0]) + ")"
	case "<", "<=":
		return "(" + expr + " " + t.op + " " + b.text(t.values[0]) + " AND " + expr + " <> '')"
	case "in":
		return "(" + expr + " = ANY (" + b.texts(t.values) + "))"
	case "between":
		return "(" + expr + " BETWEEN " + b.text(t.values[0]) + " AND " + b.text(t.values[1]) + ")"
	case "contains": // not LIKE: the value is no pattern
		return "(strpos(" + expr + ", " + b.text(t.values[0]) + ") > 0)"
	case "begins_with":
		return "starts_with(" + expr + ", " + b.text(t.values[0]) + ")"
	default: // ends_with
		at := b.text(t.values[0])
		return "(right(" + expr + ", length(" + at + ")) = " + at + ")"
	}
}

// contactText is a text column of contacts. An empty text is no value.
type contactText struct {
	column string
	exact  bool // an id: case matters
	get    func(*Facts) string
	null   bool // asks whether there is no value; test is not used
	test   textTest
}

// contactTexts are the text columns by the name of the field.
var contactTexts = map[string]contactText{
	"external_id": {column: "c.external_id", exact: true, get: func(f *Facts) string { return f.ExternalID }},
	"email":       {column: "c.email", get: func(f *Facts) string { return f.Email }},
	"first_name":  {column: "c.first_name", get: func(f *Facts) string { return f.FirstName }},
	"last_name":   {column: "c.last_name", get: func(f *Facts) string { return f.LastName }},
	"phone":       {column: "c.phone", get: func(f *Facts) string { return f.Phone }},
	"country":     {column: "c.country", get: func(f *Facts) string { return f.Country }},
	"language":    {column: "c.language", get: func(f *Facts) string { return f.Language }},
	"timezone":    {column: "c.timezone", get: func(f *Facts) string { return f.Timezone }},
}

func readContactText(in *input) condition {
	c := contactTexts[in.field]
	if in.op == "null" {
		in.noValue()
		c.null = true
	} else {
		c.test = in.textTest(!c.exact)
	}
	return c
}

func (c contactText) sql(b *builder) string {
	switch {
	case c.null:
		return "(" + c.column + " = '')"
	case !c.exact:
		return c.test.sql(b, folded(c.column))
	case c.test.op == "=" || c.test.op == "in":
		return c.test.sql(b, c.column) // as it stands in the index
	default:
		return c.test.sql(b, c.column+` COLLATE "C"`)
	}
}

// folded is fold in SQL.
func folded(expr string) string { return "lower(" + expr + ` COLLATE "C")` }

func (c contactText) match(f *Facts, _ time.Time) bool {
	s := c.get(f)
	switch {
	case c.null:
		return s == ""
	case c.exact:
		return c.test.match(s)
	default:
		return c.test.match(fold(s))
	}
}

// createdAt is the time the contact became one.
type createdAt struct {
	test timeTest
}

func readCreatedAt(in *input) condition { return createdAt{in.timeTest()} }

func (c createdAt) sql(b *builder) string {
	return "(" + c.test.span(b.asOf).sql(b, "c.created_at") + ")"
}

func (c createdAt) match(f *Facts, asOf time.Time) bool {
	return c.test.span(asOf).holds(f.CreatedAt)
}

// consent is a contact's consent to one topic.
type consent struct {
	topic  string
	states []string // empty: any, which is negated to ask for none
}

var consentStates = []string{"pending", "subscribed", "unsubscribed"}

func readConsent(in *input) condition {
	c := consent{topic: strings.TrimPrefix(in.field, "consent.")}
	if in.op == "null" {
		in.noValue()
		in.out.negated = !in.out.negated // the condition is that there is one
	} else {
		c.states = in.oneOf(consentStates)
	}
	return c
}

func (c consent) sql(b *builder) string {
	where := "WHERE k.contact_id = c.id AND k.topic = " + b.text(c.topic)
	switch len(c.states) {
	case 0:
	case 1:
		where += " AND k.state = " + b.text(c.states[0])
	default:
		where += " AND k.state = ANY (" + b.texts(c.states) + ")"
	}
	return b.exists("SELECT FROM consents AS k", where)
}

func (c consent) match(f *Facts, _ time.Time) bool {
	state, ok := f.Consents[c.topic]
	return ok && (len(c.states) == 0 || slices.Contains(c.states, state))
}
