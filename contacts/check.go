package contacts

import (
	"strings"
	"time"

	"posthorn/internal/check"
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

	// decided are consents that hold also where the writer else only fills in what is
	// missing, but do not overrule an unsubscribe. No topic is in both.
	decided map[string]string
}

func (in Input) check() (checked, error) {
	var wrong fault.List
	out := checked{
		externalID: check.Text(&wrong, "external_id", in.ExternalID, maxExternalID),
		firstName:  check.Optional(&wrong, "first_name", in.FirstName, maxName),
		lastName:   check.Optional(&wrong, "last_name", in.LastName, maxName),
		phone:      check.Optional(&wrong, "phone", in.Phone, maxPhone),
		country:    check.Optional(&wrong, "country", in.Country, maxCountry),
		language:   check.Optional(&wrong, "language", in.Language, maxLanguage),
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
		t := check.Time(&wrong, "created_at", *in.CreatedAt)
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

func zone(wrong *fault.List, name *string) *string {
	if name == nil {
		return nil
	}
	s := check.Zone(wrong, "timezone", *name)
	return &s
}

// attributes returns the JSON of m; nil where there is nothing to set.
func attributes(wrong *fault.List, m map[string]any) *string {
	data := check.Object(wrong, "attributes", m)
	if data == nil {
		return nil
	}
	s := string(data)
	return &s
}

// shorten cuts s to at most limit characters, for a message.
func shorten(s string, limit int) string {
	s = strings.ToValidUTF8(s, "?")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
