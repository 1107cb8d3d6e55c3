// Package messages is the ledger: one row for each mail to one contact, written
// before any SMTP. At every moment the states of a run add up to its recipients,
// and each row that was not sent says why.
//
// A row's way: campaigns plans it (planned, or skipped where it must not be
// mailed). A worker that holds the lease of the row's chunk claims it (sending),
// offers it to a relay and records what the relay said (sent, deferred, failed,
// unknown). A row that was claimed but not offered is released. Where a worker
// dies, the lease of its chunk runs out and what it had claimed becomes unknown:
// nobody can tell whether the relay took it, and mailing it again could double it.
package messages

// State is where a message stands. docs/states.md draws it.
type State string

const (
	Planned   State = "planned"   // the audience was frozen; leaves to sending, skipped, cancelled
	Sending   State = "sending"   // claimed by a worker that holds the chunk's lease; leaves to sent, deferred, failed, skipped, unknown, or back
	Deferred  State = "deferred"  // to be tried again at due_at, with a reason; leaves to sending, cancelled, or by a record that came late
	Sent      State = "sent"      // the relay answered 250
	Failed    State = "failed"    // refused for good, could not be rendered, or given up
	Skipped   State = "skipped"   // must not be mailed: suppressed, unsubscribed, …
	Cancelled State = "cancelled" // the campaign was cancelled first
	Unknown   State = "unknown"   // offered, but the answer was lost: sent or not, nobody knows
)

// States lists all, in the order reports show them.
var States = []State{Planned, Sending, Deferred, Sent, Failed, Skipped, Cancelled, Unknown}

// transitions is the whole life of a message. Planned has no way in: rows begin there or in Skipped.
var transitions = map[State][]State{
	Planned:  {Sending, Cancelled, Unknown},                                  // Unknown: cancelled, although it may have been sent before
	Sending:  {Sent, Deferred, Failed, Skipped, Unknown, Planned, Cancelled}, // Planned: released before it was offered
	Deferred: {Sending, Cancelled, Unknown, Sent, Failed, Skipped},           // the last three: a record that came late
	Unknown:  {Sent, Failed, Skipped, Planned},                               // a record that came late, or a person's decision
}

// CanBecome reports whether a message may go from one state to the other.
func (s State) CanBecome(next State) bool {
	for _, t := range transitions[s] {
		if t == next {
			return true
		}
	}
	return false
}

// Settled reports whether a message in this state needs no more work.
func (s State) Settled() bool { return s != Planned && s != Sending && s != Deferred }

// Valid reports whether s is one of States.
func (s State) Valid() bool {
	for _, t := range States {
		if s == t {
			return true
		}
	}
	return false
}

// Reasons that this package and campaigns give; delivery names those that come
// from a relay. A reason is a short code with few distinct values, since rows are
// counted by it; the words go to detail.
const (
	ReasonInvalidAddress    = "invalid_address"    // skipped: no address, or one that is none
	ReasonNoConsent         = "no_consent"         // skipped: never subscribed to the topic
	ReasonUnsubscribed      = "unsubscribed"       // skipped: unsubscribed from the topic
	ReasonSuppressed        = "suppressed"         // skipped: the address is suppressed
	ReasonDuplicateAddress  = "duplicate_address"  // skipped: another recipient of the run has the same address
	ReasonContactDeleted    = "contact_deleted"    // skipped: the contact is gone
	ReasonRenderFailed      = "render_failed"      // failed: the template did not render for this contact
	ReasonNotConfigured     = "not_configured"     // failed: a test mail whose campaign lacks a relay, say
	ReasonGaveUp            = "gave_up"            // failed: refused for now too often
	ReasonCampaignCancelled = "campaign_cancelled" // cancelled: by a person
	ReasonCampaignFailed    = "campaign_failed"    // cancelled: the campaign could not go on
	ReasonJourneyLeft       = "journey_left"       // cancelled, or skipped at the claim: the contact left the journey first
	ReasonJourneyArchived   = "journey_archived"   // cancelled: the journey was archived first
	ReasonOrderRefunded     = "order_refunded"     // skipped: the triggering order was refunded or cancelled
	ReasonOutOfStock        = "out_of_stock"       // skipped: all that it promotes is sold out
	ReasonCapped            = "capped"             // skipped: the contact had as many mails as the frequency cap allows
	ReasonQuietHours        = "quiet_hours"        // deferred: until the quiet hours where the contact lives are over
	ReasonReleased          = "released"           // deferred: claimed again after an earlier attempt, then put back before it was offered
	ReasonWorkerLost        = "worker_lost"        // unknown, or deferred to be sent again: the worker died or was cut off between claim and record
)
