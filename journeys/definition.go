package journeys

import (
	"posthorn/segments"
)

// Definition is what a journey does, as people write it: in JSON over the API, in
// YAML in files. docs/journeys.md says what every field means. Parse reads and
// checks one; nothing else makes one.
type Definition struct {
	Trigger Trigger `json:"trigger"`
	Entry   Entry   `json:"entry"`
	Exit    Exit    `json:"exit"`
	Steps   []Step  `json:"steps"`
}

// TriggerType is what makes a contact enter.
type TriggerType string

const (
	OnOrder     TriggerType = "order"         // an order reached a status
	OnEvent     TriggerType = "event"         // an event happened
	OnAbandoned TriggerType = "abandoned"     // an event, and no order within so long
	OnNotBought TriggerType = "not_bought"    // an order, and what `unless` says not within so long (cross-sell)
	OnWinBack   TriggerType = "win_back"      // an order, and no other within so long
	OnReplenish TriggerType = "replenishment" // a product that should be used up by now
	OnSegment   TriggerType = "segment"       // a segment was entered or left
	OnDate      TriggerType = "date"          // an attribute's date comes
)

// Trigger says when a contact enters. Which fields it has depends on its type.
type Trigger struct {
	Type  TriggerType    `json:"type"`
	On    string         `json:"on,omitempty"`    // order: placed, paid, cancelled or refunded; segment: entered or left
	Name  string         `json:"name,omitempty"`  // event, abandoned: the event's name
	Where *segments.Rule `json:"where,omitempty"` // over the order or event, and the contact

	Within Duration       `json:"within,omitzero"`  // abandoned, not_bought, win_back: how long to wait for what must not happen
	Unless *segments.Rule `json:"unless,omitempty"` // not_bought: what must not happen

	Products   []string `json:"products,omitempty"`   // replenishment: SKUs …
	Categories []string `json:"categories,omitempty"` // … or categories
	Interval   string   `json:"interval,omitempty"`   // replenishment: "learned", or a duration
	interval   Duration // zero: learned

	Intervals map[string]string `json:"intervals,omitempty"` // replenishment: what lasts shorter or longer, by SKU; where nothing is learned yet
	intervals map[string]Duration

	SegmentID int64 `json:"segment_id,omitempty"` // segment

	Attribute string   `json:"attribute,omitempty"` // date: YYYY-MM-DD, --MM-DD or a time
	Offset    Duration `json:"offset,omitzero"`     // date: so long after it; -P3D is three days before
	At        string   `json:"at,omitempty"`        // date: at this time of day, in the contact's time zone
	Yearly    bool     `json:"yearly,omitempty"`    // date: every year on that day
	at        clockTime
}

// Key says what a contact can enter once for.
type Key string

const (
	KeyOrder   Key = "order"   // once per order, and not before `again_after` is over
	KeyContact Key = "contact" // once per contact, or again after `again_after`
	KeyEvent   Key = "event"   // once per event, likewise
)

// Entry says who may enter, and how often.
type Entry struct {
	Key        Key            `json:"key"`
	AgainAfter Duration       `json:"again_after,omitzero"` // again, so long after the last time at the earliest; zero: key contact once ever, else for each order or event
	If         *segments.Rule `json:"if,omitempty"`         // asked at entry and again before every send
}

// Exit says what ends an enrolment before its last step. An unsubscribed contact
// always leaves.
type Exit struct {
	Goal     *segments.Rule `json:"goal,omitempty"`
	OnRefund bool           `json:"on_refund"` // the triggering order was refunded or cancelled
}

// StepType is what a step does.
type StepType string

const (
	SendStep      StepType = "send"
	WaitStep      StepType = "wait"
	WaitUntilStep StepType = "wait_until"
	BranchStep    StepType = "branch"
	SplitStep     StepType = "split"
	UpdateStep    StepType = "update_contact"
	WebhookStep   StepType = "webhook"
	ExitStep      StepType = "exit"
)

// Sender is the From identity of a mail.
type Sender struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Step is one step. Which fields it has depends on its type. Lists of steps in it
// join again after it.
type Step struct {
	ID   string   `json:"id"`
	Type StepType `json:"type"`

	// send
	TemplateID    int64    `json:"template_id,omitempty"`
	Sender        *Sender  `json:"sender,omitempty"`
	Topic         string   `json:"topic,omitempty"`
	Relay         string   `json:"relay,omitempty"`
	Transactional bool     `json:"transactional,omitempty"` // owed to the contact: no consent, cap or quiet hours; sent again where in doubt
	Promotes      []string `json:"promotes,omitempty"`      // SKUs: not sent while all of them are out of stock

	// wait: for so long, and then until a time of day, on one of these weekdays
	For Duration `json:"for,omitzero"`
	At  string   `json:"at,omitempty"`
	On  []string `json:"on,omitempty"`
	at  clockTime
	on  weekdays

	// wait_until: an event, or a rule
	Event   string   `json:"event,omitempty"`
	Timeout Duration `json:"timeout,omitzero"`

	// branch, wait_until: then where it is so, else where not (or not in time)
	If   *segments.Rule `json:"if,omitempty"`
	Then []Step         `json:"then,omitempty"`
	Else []Step         `json:"else,omitempty"`

	// split
	Paths []Path `json:"paths,omitempty"`

	// update_contact
	Set         map[string]any `json:"set,omitempty"` // attributes; null removes one
	Subscribe   []string       `json:"subscribe,omitempty"`
	Unsubscribe []string       `json:"unsubscribe,omitempty"`

	// webhook
	URL string `json:"url,omitempty"`

	// exit
	Reason string `json:"reason,omitempty"`
}

// Path is one way of a split.
type Path struct {
	Weight int    `json:"weight"`
	Steps  []Step `json:"steps"`
}
