package contacts

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are known on every machine
	"unicode"
	"unicode/utf8"

	"posthorn/internal/fault"
)

// Limits of what is taken in, in characters unless said otherwise.
const (
	maxExternalID = 200
	maxName       = 200
	maxPhone      = 50
	maxCountry    = 100
	maxLanguage   = 35 // of a tag, RFC 5646 section 4.4.1
	maxTopic      = 64
	maxTopics     = 100
	maxSource     = 200
	maxDetail     = 500
	maxAttrName   = 200
	maxAttributes = 64 << 10 // bytes of JSON
	maxDepth      = 20
)

// checked is an Input that passed. A nil field is not given.
type checked struct {
	externalID string
	email, key *string // both or neither; "" forgets the address
	firstName  *string
	lastName   *string
	phone      *string
	country    *string
	language   *string
	timezone   *string
	attributes *string // JSON; null deletes
	createdAt  *time.Time
	topics     map[string]string
}

func (in Input) check() (checked, error) {
	var wrong fault.List
	out := checked{
		externalID: text(&wrong, "external_id", in.ExternalID, maxExternalID),
		firstName:  optional(&wrong, "first_name", in.FirstName, maxName),
		lastName:   optional(&wrong, "last_name", in.LastName, maxName),
		phone:      optional(&wrong, "phone", in.Phone, maxPhone),
		country:    optional(&wrong, "country", in.Country, maxCountry),
		language:   optional(&wrong, "language", in.Language, maxLanguage),
		timezone:   zone(&wrong, in.Timezone),
		attributes: attributes(&wrong, in.Attributes),
		topics:     in.Topics,
	}
	if in.Email != nil {
		var email, key string
		if strings.TrimSpace(*in.Email) != "" {
			var err error
			if email, key, err = NormalizeEmail(*in.Email); err != nil {
				wrong = append(wrong, err.(*fault.Invalid))
			}
		}
		out.email, out.key = &email, &key
	}
	if out.externalID == "" && (in.Email == nil || strings.TrimSpace(*in.Email) == "") {
		wrong.Add("external_id", "is missing, and so is email: one of them must say who it is")
	}
	if in.CreatedAt != nil {
		t := in.CreatedAt.UTC().Truncate(time.Microsecond) // as Postgres keeps it
		if t.Year() < 1900 || t.Year() > 2199 {
			wrong.Add("created_at", "is not between the years 1900 and 2199")
		}
		out.createdAt = &t
	}
	if len(in.Topics) > maxTopics {
		wrong.Add("topics", "are more than %d", maxTopics)
	}
	for topic, state := range in.Topics {
		if err := ValidTopic(topic); err != nil {
			wrong.Add("topics", "%q is not a topic: %s", shorten(topic, maxTopic), topicForm)
		} else if !validState(state) {
			wrong.Add("topics."+topic, "is not one of pending, subscribed and unsubscribed")
		}
	}
	return out, wrong.Err()
}

// text returns s without surrounding space, and notes where it is too long, not
// UTF-8 or holds control characters: none of them belongs in a line of a mail, and
// CR and LF there would be a header injection.
func text(wrong *fault.List, field, s string, limit int) string {
	s = strings.TrimSpace(s)
	switch {
	case !utf8.ValidString(s):
		wrong.Add(field, "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		wrong.Add(field, "holds a control character (such as NUL, tab or a line break)")
	case utf8.RuneCountInString(s) > limit:
		wrong.Add(field, "is longer than %d characters", limit)
	}
	return s
}

func optional(wrong *fault.List, field string, s *string, limit int) *string {
	if s == nil {
		return nil
	}
	out := text(wrong, field, *s, limit)
	return &out
}

// zones remembers the names that are good: reading one costs a file.
var zones sync.Map

func zone(wrong *fault.List, name *string) *string {
	if name == nil {
		return nil
	}
	s := strings.TrimSpace(*name)
	if _, known := zones.Load(s); s == "" || known {
		return &s
	}
	if _, err := time.LoadLocation(s); err != nil || s == "Local" || len(s) > 64 {
		wrong.Add("timezone", "is not a time zone such as Europe/Berlin (IANA name)")
		return &s
	}
	s = strings.Clone(s)
	zones.Store(s, nil)
	return &s
}

// attributes returns the JSON of m; nil where there is nothing to set.
func attributes(wrong *fault.List, m map[string]any) *string {
	if len(m) == 0 {
		return nil
	}
	for name := range m {
		if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxAttrName ||
			!utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			wrong.Add("attributes", "have a name that is empty, longer than %d characters or holds a control character", maxAttrName)
			return nil
		}
	}
	data, err := json.Marshal(m)
	switch {
	case err != nil:
		wrong.Add("attributes", "cannot be written as JSON")
		return nil
	case len(data) > maxAttributes:
		wrong.Add("attributes", "are larger than %d KB", maxAttributes>>10)
		return nil
	}
	switch nul, depth := inspect(data); {
	case nul:
		wrong.Add("attributes", "hold a NUL character, which cannot be stored")
		return nil
	case depth > maxDepth:
		wrong.Add("attributes", "are nested more than %d levels deep", maxDepth)
		return nil
	}
	s := string(data)
	return &s
}

// inspect says whether valid JSON has a NUL in one of its strings, which jsonb
// does not take, and how deep it is nested.
func inspect(data []byte) (nul bool, depth int) {
	level, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			nul = nul || bytes.HasPrefix(data[i+1:], []byte("u0000"))
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			depth = max(depth, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return nul, depth
}

// shorten cuts s to at most limit characters, for a message.
func shorten(s string, limit int) string {
	s = strings.ToValidUTF8(s, "?")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
