package messages

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Why says in one or two sentences what became of a message and for what reason, for
// whoever asks why somebody got a mail, or did not. It knows nothing but the row.
func Why(m Message) string {
	switch m.State {
	case Sent:
		return m.whySent()
	case Planned:
		switch {
		case m.Held:
			return "Waits: the " + m.owner() + " is paused."
		case m.InDoubt:
			return "Waits to be sent again, as somebody decided; nobody knows whether it was sent before."
		}
		return "Waits for its turn."
	case Sending:
		return "Is being sent at this moment."
	case Deferred:
		return "Not sent yet: " + m.because(whyDeferred) + "." + m.next()
	case Failed:
		return "Not sent: " + m.because(whyFailed) + "."
	case Skipped:
		return "Not sent: " + m.because(whySkipped) + "."
	case Cancelled:
		return "Not sent: " + m.because(whyCancelled) + "."
	case Unknown:
		return "Sent or not, nobody knows: " + m.because(whyUnknown) + "."
	}
	return "Is " + string(m.State) + "."
}

// The causes by reason. {topic}, {relay}, {owner} stand for what they say; {said}
// for the relay's words, where it had any.
var (
	whySkipped = map[string]string{
		ReasonInvalidAddress:   "the contact has no address that a mail could go to",
		ReasonNoConsent:        "the contact is not subscribed to the topic {topic}",
		ReasonUnsubscribed:     "the contact has unsubscribed from the topic {topic}",
		ReasonSuppressed:       "the address is suppressed, and is never mailed",
		ReasonDuplicateAddress: "another recipient has the same address, and one mail to it is enough",
		ReasonContactDeleted:   "the contact was deleted before its turn came",
		ReasonJourneyLeft:      "the contact left the journey before its turn came",
		ReasonOrderRefunded:    "the order that it is about was refunded or cancelled",
		"goal_met":             "what the journey is for had happened by then",
		"no_longer_wanted":     "what let the contact enter the journey does not hold any more",
		ReasonOutOfStock:       "everything that it promotes is out of stock",
		ReasonCapped:           "the contact had as many mails lately as the sending rules allow",
	}
	whyDeferred = map[string]string{
		ReasonQuietHours:     "it is quiet hours where the contact lives",
		ReasonReleased:       "an earlier attempt was refused for now, and the next has been put off",
		ReasonWorkerLost:     "the program ended while it sent this mail, so that nobody knows whether it went out; this {owner} sends such mails again",
		"recipient_deferred": "the address takes no mail for now{said}",
		"sender_deferred":    "mail from this sender is not taken for now{said}",
		"content_deferred":   "the mail was not taken for now{said}",
		"relay_busy":         "the relay {relay} is busy{said}",
		"connection_lost":    "the connection to the relay {relay} broke before the mail was handed over{said}",
		"no_reply":           "the relay {relay} did not answer in time{said}",
		"protocol_error":     "the relay {relay} gave an answer that makes no sense{said}",
		"relay_unreachable":  "the relay {relay} cannot be reached{said}",
		"relay_refused":      "the relay {relay} does not want to talk to us{said}",
		"interrupted":        "the program was about to end when its turn came",
		"reply_lost":         "the connection broke before the relay {relay} said whether it took the mail; this {owner} sends such mails again",
		"reply_late":         "the relay {relay} did not say in time whether it took the mail; this {owner} sends such mails again",
	}
	whyFailed = map[string]string{
		ReasonRenderFailed:   "the template could not be filled in for this contact{said}",
		ReasonGaveUp:         "it was refused for now again and again, until it was given up{said}",
		ReasonNotConfigured:  "something that sending takes is not set up{said}",
		"recipient_refused":  "the address does not take it{said}",
		"sender_refused":     "the relay {relay} does not send for this sender{said}",
		"content_refused":    "the relay {relay} does not want this content{said}",
		"relaying_denied":    "the relay {relay} does not send for us{said}",
		"login_failed":       "the relay {relay} refuses our login{said}",
		"tls_failed":         "no secure connection to the relay {relay} is possible{said}",
		ReasonInvalidAddress: "the address cannot be written into a mail{said}",
		"invalid_mail":       "it cannot be written as a mail{said}",
	}
	whyCancelled = map[string]string{
		ReasonCampaignCancelled: "the campaign was cancelled before its turn came",
		ReasonCampaignFailed:    "the campaign could not go on, and ended before its turn came",
		ReasonJourneyLeft:       "the contact left the journey before its turn came",
		ReasonJourneyArchived:   "the journey was archived before its turn came",
	}
	whyUnknown = map[string]string{
		ReasonWorkerLost:        "the program ended while it sent this mail",
		ReasonCampaignCancelled: "the answer to an earlier attempt was lost, and then the campaign was cancelled",
		ReasonCampaignFailed:    "the answer to an earlier attempt was lost, and then the campaign ended because it could not go on",
		ReasonJourneyLeft:       "the answer to an earlier attempt was lost, and then the contact left the journey",
		ReasonJourneyArchived:   "the answer to an earlier attempt was lost, and then the journey was archived",
		"reply_lost":            "the connection broke before the relay {relay} said whether it took the mail",
		"reply_late":            "the relay {relay} did not say in time whether it took the mail",
	}
)

func (m Message) because(causes map[string]string) string {
	cause, known := causes[m.Reason]
	if !known {
		cause = strings.ReplaceAll(m.Reason, "_", " ") + "{said}"
		if m.Reason == "" {
			cause = "no reason was noted{said}"
		}
	}
	return strings.NewReplacer("{topic}", strconv.Quote(m.Topic), "{relay}", strconv.Quote(m.Relay), "{owner}", m.owner(), "{said}", m.said()).Replace(cause)
}

// owner is what the message belongs to.
func (m Message) owner() string {
	if m.Kind == OfJourney {
		return "journey"
	}
	return "campaign"
}

// said is what the relay said, or what else is known, as the end of a sentence.
func (m Message) said() string {
	words := m.Detail
	if m.EnhancedCode != "" {
		words = m.EnhancedCode + " " + words
	}
	if m.Code != 0 {
		words = strconv.Itoa(m.Code) + " " + words
	}
	words = strings.TrimRight(strings.TrimSpace(words), ".")
	if words == "" {
		return ""
	}
	return " (" + words + ")"
}

func (m Message) whySent() string {
	if strings.HasPrefix(m.Detail, resolvedAsSent) {
		return "Taken for sent, as somebody decided: the relay's answer was lost."
	}
	s := "Sent"
	if m.SentAt != nil {
		s += " on " + minute(*m.SentAt)
	}
	s += fmt.Sprintf(": the relay %q took it", m.Relay)
	if m.QueueID != "" {
		s += " as " + m.QueueID
	}
	if m.Attempts > 1 {
		s += fmt.Sprintf(", at the attempt number %d", m.Attempts)
	}
	return s + "."
}

// next is when it goes on, as a sentence of its own.
func (m Message) next() string {
	switch {
	case m.Held:
		return " It waits while the " + m.owner() + " is paused."
	case m.DueAt != nil:
		return " It is tried again on " + minute(*m.DueAt) + "."
	}
	return ""
}

func minute(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") }
