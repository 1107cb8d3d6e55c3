package delivery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// refused classifies what went wrong before the final dot left. Nothing was
// accepted, so that the mail may always be offered again unless the relay said a
// permanent no.
func (s *session) refused(ctx context.Context, phase string, err error) Outcome {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		out := classify(phase, reply)
		s.broken = s.broken || reply.Code == 421 || out.Reason == ReasonProtocolError || phase == phaseBody
		return out
	}
	s.broken = true
	if ctx.Err() != nil {
		return *interrupted()
	}
	out := Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonConnectionLost, Detail: oneLine("at " + phase + ": " + err.Error())}
	switch {
	case timedOut(err):
		out.Reason = ReasonNoReply
	case !broken(err):
		out.Reason = ReasonProtocolError
	}
	return out
}

// unanswered classifies what came instead of 250 after the final dot. Only a
// reply of class 4 or 5 says that the mail was not accepted.
func (s *session) unanswered(err error) Outcome {
	var reply *textproto.Error
	if errors.As(err, &reply) && (reply.Code/100 == 4 || reply.Code/100 == 5) {
		s.broken = reply.Code == 421
		return classify(phaseDot, reply)
	}
	s.broken = true
	out := Outcome{Class: Unknown, Reason: ReasonReplyLost, Detail: oneLine("after the " + phaseDot + ": " + err.Error())}
	if timedOut(err) {
		out.Reason = ReasonReplyLate
	}
	return out
}

// accepted is the outcome of a reply of class 2 to the final dot.
func accepted(code int, words string) Outcome {
	out := Outcome{Class: Accepted}
	out.fill(&textproto.Error{Code: code, Msg: words})
	out.QueueID = queueID(out.Detail)
	return out
}

// classify turns a reply that is not a yes into an outcome, by its code, its
// enhanced code and the phase. The code's first digit alone decides between
// permanent and temporary (RFC 5321 4.2.1).
func classify(phase string, reply *textproto.Error) Outcome {
	var out Outcome
	out.fill(reply)
	words := strings.ToLower(out.Detail)
	_, topic, _ := strings.Cut(out.Enhanced, ".") // "1.1" of "5.1.1"
	is := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(topic, p) {
				return true
			}
		}
		return false
	}

	switch reply.Code / 100 {
	case 4:
		out.Class = Temporary
	case 5:
		out.Class = Permanent
	default: // a yes where none was asked for: we no longer know what it answers
		out.Class, out.Scope, out.Reason = Temporary, ScopeConnection, ReasonProtocolError
		return out
	}

	switch {
	case reply.Code == 421 || out.Class == Temporary && is("3.", "4."):
		out.Scope = ScopeConnection
	case reply.Code == 530, strings.Contains(words, "authentication required"),
		strings.Contains(words, "relay") && (strings.Contains(words, "denied") || strings.Contains(words, "not permitted") ||
			strings.Contains(words, "prohibited") || strings.Contains(words, "not allowed")),
		strings.Contains(words, "relaying"):
		out.Scope = ScopeConnection
	case reply.Code == 503: // bad sequence of commands: start over on a new connection
		out.Class, out.Scope, out.Reason = Temporary, ScopeConnection, ReasonProtocolError
		return out
	case is("1.7", "1.8"): // bad sender's mailbox or system (RFC 3463 3.2)
		out.Scope = ScopeSender
	case is("3.4"): // message too big for system (RFC 3463 3.4)
		out.Scope = ScopeContent
	case phase == phaseMail:
		out.Scope = ScopeSender
	case phase == phaseRcpt:
		out.Scope = ScopeRecipient
	case is("1.", "2."): // addressing and mailbox status: said late, but about the recipient
		out.Scope = ScopeRecipient
	default:
		out.Scope = ScopeContent
	}
	out.Reason = reasons[out.Class][out.Scope]
	return out
}

var reasons = map[Class]map[Scope]string{
	Permanent: {
		ScopeRecipient:  ReasonRecipientRefused,
		ScopeSender:     ReasonSenderRefused,
		ScopeContent:    ReasonContentRefused,
		ScopeConnection: ReasonRelayingDenied,
	},
	Temporary: {
		ScopeRecipient:  ReasonRecipientDeferred,
		ScopeSender:     ReasonSenderDeferred,
		ScopeContent:    ReasonContentDeferred,
		ScopeConnection: ReasonRelayBusy,
	},
}

var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// fill takes code, enhanced code and words from a reply. Every line of a reply
// repeats the enhanced code; once is enough.
func (o *Outcome) fill(reply *textproto.Error) {
	o.Code = reply.Code
	lines := strings.Split(reply.Msg, "\n")
	o.Enhanced = enhancedCode.FindString(lines[0])
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], o.Enhanced)
	}
	o.Detail = oneLine(strings.Join(lines, " "))
}

// What relays say in their 250, most specific first. The id is the first group.
var queueIDs = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\bqueued as:? *<?([^\s<>,;]+)`),           // Postfix, SendGrid, many others
	regexp.MustCompile(`\bInternalId=(\d+)`),                          // Exchange
	regexp.MustCompile(`\bid=([^\s,;]+)`),                             // Exim
	regexp.MustCompile(`(?i)^(\S+) Message accepted for delivery`),    // Sendmail, OpenSMTPD
	regexp.MustCompile(`(?i)^ok:? +\d+ qp (\d+)`),                     // qmail
	regexp.MustCompile(`^OK +\d+ (\S+) - gsmtp`),                      // Google
	regexp.MustCompile(`^Ok ([0-9a-f]{16}-[0-9a-f-]{36}-[0-9]{6})\b`), // Amazon SES
}

// maxQueueID bounds what is kept of an id.
const maxQueueID = 200

// queueID finds the relay's id for a mail in the words of its 250.
func queueID(words string) string {
	for _, form := range queueIDs {
		if found := form.FindStringSubmatch(words); found != nil && len(found[1]) <= maxQueueID {
			return found[1]
		}
	}
	return ""
}

// timedOut reports whether the deadline passed.
func timedOut(err error) bool {
	var netErr net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}

// broken reports whether err comes from the network rather than from what the
// relay said over it.
func broken(err error) bool {
	var netErr net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &netErr)
}

// maxDetail bounds Outcome.Detail, in bytes.
const maxDetail = 500

// oneLine makes words from outside fit for a row and a log: one line of valid
// UTF-8 without control characters.
func oneLine(s string) string {
	s = validUTF8(s)
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxDetail {
		return s
	}
	s = s[:maxDetail-len("…")]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
