// Package delivery hands mails to relays over SMTP and says what became of each.
//
// A mail's way: Pools.Acquire lends a connection to the relay, at most as many at
// once as the relay's settings allow. Conn.Send renders the mail in full
// (message.go), signs it (dkim.go), speaks MAIL, RCPT and DATA (smtp.go) and turns
// whatever comes back, or does not, into one Outcome (classify.go). Release gives
// the connection back for the next borrower.
//
// An Outcome answers the one question that matters after a failure: may the mail
// be offered again? The line is the final dot of DATA (RFC 5321 4.1.1.4). Before
// it has left this process, nothing was accepted, whatever went wrong. After it,
// only the relay's reply can tell, and where that is lost the outcome is Unknown.
//
// # Cancelling
//
// Acquire and Send obey their context at once until the relay has asked for the
// mail's content: a mail given up before that was offered to nobody. From then on
// Send no longer looks at the context but finishes the mail, bounded by
// Options.CommandTimeout and Options.DotTimeout, because giving up there is what
// makes an Unknown. Who wants to stop waits for Send to return.
package delivery

import (
	"net/mail"
	"time"

	"posthorn/senders"
)

// Mail is one mail to one recipient. None of its fields may hold CR, LF or NUL,
// except HTML and Text; Send refuses such a mail.
type Mail struct {
	From               mail.Address // ASCII address; the name may hold any characters
	To                 string       // a bare ASCII address
	Subject            string
	HTML               string // at least one of HTML and Text; with both, multipart/alternative
	Text               string
	MessageID          string           // left@right, without <>: the same for every attempt at this mail
	Date               time.Time        // also the same for every attempt, ideally
	ListID             string           // e.g. news.shop.example, without <>; "" leaves List-Id out (RFC 2919)
	ListUnsubscribeURL string           // http(s); "" leaves List-Unsubscribe and its -Post out (RFC 8058)
	Sign               []senders.Signer // DKIM keys, each of which signs; none: unsigned
}

// Class says whether a mail may be offered again.
type Class string

const (
	Accepted    Class = "accepted"    // the relay took it
	Permanent   Class = "permanent"   // refused for good; nothing was accepted
	Temporary   Class = "temporary"   // not taken now; nothing was accepted, offer it again later
	Unreachable Class = "unreachable" // not even offered: no usable connection; costs the mail no attempt
	Unknown     Class = "unknown"     // the final dot left, the reply did not arrive: accepted or not
)

// Scope says whom a refusal is about. It is empty for Accepted and Unknown.
type Scope string

const (
	ScopeRecipient  Scope = "recipient"  // this address
	ScopeSender     Scope = "sender"     // the From address
	ScopeContent    Scope = "content"    // what the mail says, or how
	ScopeConnection Scope = "connection" // the relay or the way to it: connect, TLS, login
)

// Reasons: short codes with few distinct values, to be counted by. The words of
// the relay are in Outcome.Detail.
const (
	// Permanent.
	ReasonRecipientRefused = "recipient_refused" // there is no such mailbox, or it takes no mail from us
	ReasonSenderRefused    = "sender_refused"    // the relay does not send for this From address
	ReasonContentRefused   = "content_refused"   // after it has seen the mail
	ReasonRelayingDenied   = "relaying_denied"   // the relay does not send for us: it wants a login or another network
	ReasonLoginFailed      = "login_failed"      // user name or password are wrong, or no login is offered
	ReasonTLSFailed        = "tls_failed"        // no STARTTLS, or a certificate that is not the relay's
	ReasonInvalidAddress   = "invalid_address"   // never offered: it cannot be written into an SMTP command
	ReasonInvalidMail      = "invalid_mail"      // never offered: a header would be broken, there is no content, or it cannot be signed

	// Temporary.
	ReasonRecipientDeferred = "recipient_deferred" // greylisting, full mailbox, …
	ReasonSenderDeferred    = "sender_deferred"
	ReasonContentDeferred   = "content_deferred"
	ReasonRelayBusy         = "relay_busy"      // 421: the relay is closing the connection; also Unreachable
	ReasonConnectionLost    = "connection_lost" // in the middle of a mail, before its final dot
	ReasonNoReply           = "no_reply"        // no reply in time, before the final dot
	ReasonProtocolError     = "protocol_error"  // a reply that makes no sense

	// Unreachable.
	ReasonRelayUnreachable = "relay_unreachable" // no connection
	ReasonRelayRefused     = "relay_refused"     // a connection, but the relay does not want to talk
	ReasonInterrupted      = "interrupted"       // the context ended first

	// Unknown.
	ReasonReplyLost = "reply_lost" // the connection broke after the final dot
	ReasonReplyLate = "reply_late" // no reply to the final dot within Options.DotTimeout
)

// Outcome is what became of one mail.
type Outcome struct {
	Class    Class
	Scope    Scope
	Reason   string // one of the Reason codes; "" for Accepted
	Code     int    // the relay's reply code (RFC 5321 4.2); 0 where it gave none
	Enhanced string // its enhanced code (RFC 3463), e.g. 5.1.1; "" where it gave none
	Detail   string // its words, or the error's, on one line; valid UTF-8, at most 500 bytes
	QueueID  string // Accepted: the relay's id for the mail, where its reply holds one
}
