package worker

import (
	"fmt"
	"math/rand/v2"
	"time"

	"posthorn/delivery"
	"posthorn/messages"
)

// result turns what a relay said into what the ledger keeps.
func (s *shift) result(m messages.Claimed, o delivery.Outcome) messages.Result {
	now := s.Clock()
	r := messages.Result{ID: m.ID, Reason: o.Reason, Detail: o.Detail, Code: o.Code, Enhanced: o.Enhanced, QueueID: o.QueueID}
	switch o.Class {
	case delivery.Accepted:
		r.State, r.Reason = messages.Sent, ""
	case delivery.Permanent:
		r.State = messages.Failed
	case delivery.Temporary:
		if m.Attempts > len(s.Retry) {
			r.State, r.Reason = messages.Failed, messages.ReasonGaveUp
			r.Detail = fmt.Sprintf("given up after %d attempts; the last: %s", m.Attempts, o.Detail)
			return r
		}
		r.State = messages.Deferred
		r.DueAt = now.Add(jitter(s.Retry[m.Attempts-1]))
	case delivery.Unreachable: // nothing was offered, so no attempt is spent
		r.State, r.Unspent = messages.Deferred, true
		r.DueAt = now.Add(minBreak)
	default: // offered, and not answered
		r.State, r.InDoubt = messages.Unknown, true
		if s.Resend && m.Attempts <= len(s.Retry) {
			r.State = messages.Deferred
			r.DueAt = now.Add(jitter(s.Retry[m.Attempts-1]))
		}
	}
	return r
}

// jitter spreads retries by a tenth, so that mails refused together do not come
// back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/10+1))
}

// strikes reports whether an outcome speaks against the campaign rather than
// against one recipient.
func strikes(r messages.Result, o delivery.Outcome) bool {
	return r.State == messages.Failed && o.Scope != delivery.ScopeRecipient
}
