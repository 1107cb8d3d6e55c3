package journeys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/segments"
)

// Limits of a definition.
const (
	maxBytes     = 256 << 10
	maxSteps     = 200
	maxDepth     = 10 // lists of steps in steps
	maxPaths     = 20
	maxName      = 100
	maxText      = 500
	maxURL       = 2000
	maxValues    = 100
	maxIntervals = 1000
	maxFaults    = 20
)

// Parse reads and checks a definition; docs/journeys.md describes it. Its error is
// a fault.Invalid or a fault.List whose fields are paths such as
// "steps[2].then[0].for", with the step's id where it has one.
func Parse(raw []byte) (*Definition, error) {
	switch {
	case len(raw) > maxBytes:
		return nil, fault.Invalidf("definition", "is larger than %d KB", maxBytes>>10)
	case !utf8.Valid(raw):
		return nil, fault.Invalidf("definition", "is not valid UTF-8")
	case !json.Valid(raw):
		var v any
		return nil, fault.Invalidf("definition", "is not JSON: %v", json.Unmarshal(raw, &v))
	}
	p := &parser{ids: map[string]bool{}}
	d := &Definition{}
	o := p.object("definition", raw)
	if !o.given() {
		return nil, fault.Invalidf("definition", "is not an object with trigger and steps")
	}
	d.Trigger = p.trigger(o.child("trigger"))
	d.Entry = p.entry(o.child("entry"), d.Trigger)
	d.Exit = p.exit(o.child("exit"), d.Trigger)
	p.scope = d.Trigger.scope()
	d.Steps = p.steps("steps", o.list("steps", true), 1)
	o.done()
	if len(d.Steps) == 0 && len(p.faults) == 0 {
		p.fault("steps", "is empty; a journey has at least one step")
	}
	return d, p.faults.Err()
}

type parser struct {
	faults fault.List
	scope  segments.Scope
	ids    map[string]bool
	count  int
}

func (p *parser) fault(path, format string, args ...any) {
	if len(p.faults) < maxFaults {
		p.faults.Add(path, format, args...)
	}
}

func (p *parser) trigger(o *object) Trigger {
	t := Trigger{}
	if !o.given() {
		p.fault(o.path, "is missing")
		return t
	}
	t.Type = TriggerType(o.oneOf("type", string(OnOrder), string(OnEvent), string(OnAbandoned), string(OnNotBought), string(OnWinBack),
		string(OnReplenish), string(OnSegment), string(OnDate)))
	scope := t.scope()
	switch t.Type {
	case OnOrder:
		t.On = o.oneOf("on", "placed", "paid", "cancelled", "refunded")
		t.Where = o.rule("where", scope)
	case OnEvent:
		t.Name = o.required("name", maxName)
		t.Where = o.rule("where", scope)
	case OnAbandoned:
		t.Name = o.required("name", maxName)
		t.Where = o.rule("where", scope)
		t.Within = o.duration("within", true)
	case OnNotBought:
		t.Where = o.rule("where", scope)
		t.Within = o.duration("within", true)
		if t.Unless = o.rule("unless", scope); t.Unless == nil && !o.wrong("unless") {
			o.fault(o.at("unless"), `is missing; it says what must not happen meanwhile, as in {"field":"bought.category","operator":"bought","value":"grinders","from":"trigger"}`)
		}
	case OnWinBack:
		t.Where = o.rule("where", scope)
		t.Within = o.duration("within", true)
	case OnReplenish:
		t.Products, t.Categories = o.texts("products"), o.texts("categories")
		if len(t.Products)+len(t.Categories) == 0 {
			o.fault(o.at("products"), "and categories are empty; at least one of them says what is used up")
		}
		if t.Interval = o.required("interval", 50); t.Interval != "learned" && t.Interval != "" {
			d, err := ParseDuration(t.Interval)
			if err != nil || d.IsZero() {
				o.fault(o.at("interval"), `is neither "learned" nor a duration such as P30D`)
			}
			t.interval = d
		}
		p.intervals(o, &t)
	case OnSegment:
		t.On = o.oneOf("on", "entered", "left")
		t.SegmentID = o.id("segment_id")
	case OnDate:
		t.Attribute = o.required("attribute", maxName)
		t.Offset = o.span("offset", false, parseSigned)
		if t.At, t.at = o.clock("at"); !t.at.given && !o.wrong("at") {
			o.fault(o.at("at"), "is missing; it is a time of day such as 09:00")
		}
		t.Yearly = o.bool("yearly", false)
	default:
		return t
	}
	o.done()
	return t
}

// intervals reads how long single products last.
func (p *parser) intervals(o *object, t *Trigger) {
	if !o.into("intervals", "an object of durations by SKU", &t.Intervals) {
		return
	}
	if len(t.Intervals) > maxIntervals {
		o.fault(o.at("intervals"), "names more than %d products", maxIntervals)
		return
	}
	t.intervals = make(map[string]Duration, len(t.Intervals))
	for _, sku := range slices.Sorted(maps.Keys(t.Intervals)) {
		d, err := ParseDuration(t.Intervals[sku])
		if err != nil || d.IsZero() {
			o.fault(o.at("intervals")+"."+sku, "is not a duration such as P30D")
		}
		t.intervals[sku] = d
	}
}

// scope is what rules of the journey may ask about besides the contact.
func (t Trigger) scope() segments.Scope {
	switch t.Type {
	case OnOrder, OnNotBought, OnWinBack, OnReplenish:
		return segments.OrderScope
	case OnEvent, OnAbandoned:
		return segments.EventScope
	default:
		return segments.ContactScope
	}
}

func (p *parser) entry(o *object, t Trigger) Entry {
	e := Entry{Key: KeyContact}
	switch t.scope() {
	case segments.OrderScope:
		e.Key = KeyOrder
	case segments.EventScope:
		e.Key = KeyEvent
	}
	if t.Type == OnWinBack || t.Type == OnReplenish {
		e.Key = KeyContact
	}
	known := []string{string(KeyContact)}
	if e.Key != KeyContact {
		known = append(known, string(e.Key))
	}
	if o.given() && o.keys["key"] != nil {
		e.Key = Key(o.oneOf("key", known...))
	} else {
		o.read = append(o.read, "key")
	}
	e.AgainAfter = o.duration("again_after", false)
	if t.Type == OnDate && t.Yearly && e.AgainAfter.IsZero() {
		e.AgainAfter, _ = ParseDuration("P180D") // else nobody would have a second birthday
	}
	e.If = o.rule("if", t.scope())
	o.done()
	return e
}

func (p *parser) exit(o *object, t Trigger) Exit {
	order := t.scope() == segments.OrderScope
	// Thanks for an order that was cancelled, or a care tip for what went back, is worse than silence.
	e := Exit{OnRefund: order && t.On != "cancelled" && t.On != "refunded"}
	e.Goal = o.rule("goal", t.scope())
	e.OnRefund = o.bool("on_refund", e.OnRefund)
	if e.OnRefund && !order {
		o.fault(o.at("on_refund"), "goes with a journey that an order triggers only")
	}
	o.done()
	return e
}

func (p *parser) steps(path string, list []json.RawMessage, depth int) []Step {
	if depth > maxDepth {
		p.fault(path, "is nested more than %d lists deep", maxDepth)
		return nil
	}
	steps := make([]Step, 0, len(list))
	for i, raw := range list {
		if p.count++; p.count > maxSteps {
			if p.count == maxSteps+1 {
				p.fault("steps", "are more than %d", maxSteps)
			}
			return steps
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		steps = append(steps, p.step(at, p.object(at, raw), depth))
		if s := steps[i]; s.Type == ExitStep && i < len(list)-1 {
			p.fault(named(at, s.ID), "ends the journey, so that what follows it in its list is never reached")
		}
	}
	return steps
}

func (p *parser) step(path string, o *object, depth int) Step {
	if !o.given() {
		if len(p.faults) == 0 || p.faults[len(p.faults)-1].Field != path {
			p.fault(path, "is not an object")
		}
		return Step{}
	}
	s := Step{ID: o.required("id", maxName)}
	if s.ID != "" {
		if p.ids[s.ID] {
			p.fault(o.at("id"), "%q is the id of another step, too", s.ID)
		}
		p.ids[s.ID] = true
		if strings.ContainsFunc(s.ID, func(r rune) bool { return !idRune(r) }) {
			p.fault(o.at("id"), "%q holds other characters than letters, digits, - and _", s.ID)
		}
		o.path = named(path, s.ID)
	}
	s.Type = StepType(o.oneOf("type", string(SendStep), string(WaitStep), string(WaitUntilStep), string(BranchStep), string(SplitStep), string(UpdateStep), string(WebhookStep), string(ExitStep)))
	nested := func(key string, required bool) []Step { return p.steps(o.at(key), o.list(key, required), depth+1) }
	switch s.Type {
	case SendStep:
		p.send(o, &s)
	case WaitStep:
		s.For = o.duration("for", false)
		s.At, s.at = o.clock("at")
		s.On = o.texts("on")
		var err error
		if s.on, err = parseDays(s.On); err != nil {
			o.fault(o.at("on"), "%s", err)
		}
		if s.For.IsZero() && !s.at.given && len(s.On) == 0 && !o.wrong("for") && !o.wrong("at") && !o.wrong("on") {
			o.fault(o.at("for"), "is missing or no time at all, and so are at and on: one of them says how long to wait")
		}
	case WaitUntilStep:
		s.Event, s.If = o.text("event", maxName), o.rule("if", p.scope)
		if (s.Event == "") == (s.If == nil) && !o.wrong("event") && !o.wrong("if") {
			o.fault(o.path, "waits for either an event or a rule (if): name one of them")
		}
		s.Timeout = o.duration("timeout", true)
		s.Then, s.Else = nested("then", false), nested("else", false)
	case BranchStep:
		if s.If = o.rule("if", p.scope); s.If == nil && !o.wrong("if") {
			o.fault(o.at("if"), "is missing")
		}
		s.Then, s.Else = nested("then", false), nested("else", false)
		if len(s.Then)+len(s.Else) == 0 && !o.wrong("then") && !o.wrong("else") {
			o.fault(o.path, "branches to nowhere: both then and else are empty")
		}
	case SplitStep:
		p.split(o, &s, depth)
	case UpdateStep:
		p.update(o, &s)
	case WebhookStep:
		s.URL = o.required("url", maxURL)
		if u, err := url.Parse(s.URL); s.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil) {
			o.fault(o.at("url"), "is not an http or https URL without a user name")
		}
	case ExitStep:
		s.Reason = o.text("reason", maxText)
	default:
		return s
	}
	o.done()
	return s
}

// named is the path of a step as errors show it.
func named(path, id string) string { return path + "(" + id + ")" }

func idRune(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func (p *parser) send(o *object, s *Step) {
	s.TemplateID = o.id("template_id")
	sender := o.child("sender")
	switch {
	case o.wrong("sender"):
	case !sender.given():
		p.fault(sender.path, "is missing")
	default:
		s.Sender = &Sender{Name: sender.text("name", maxName), Address: sender.required("address", 320)}
		if a, err := mail.ParseAddress("<" + s.Sender.Address + ">"); s.Sender.Address != "" && (err != nil || a.Address != s.Sender.Address) {
			p.fault(sender.at("address"), "is not an address such as news@shop.example")
		}
		sender.done()
	}
	if s.Topic = o.required("topic", maxName); s.Topic != "" {
		o.validTopic("topic", s.Topic)
	}
	if s.Relay = o.text("relay", maxName); s.Relay == "" {
		s.Relay = "default"
	}
	s.Transactional = o.bool("transactional", false)
	s.Promotes = o.texts("promotes")
}

func (p *parser) split(o *object, s *Step, depth int) {
	var list []json.RawMessage
	if !o.into("paths", "a list of paths", &list) || len(list) < 2 || len(list) > maxPaths {
		o.fault(o.at("paths"), "is not a list of 2 to %d paths, each with a weight and steps", maxPaths)
		return
	}
	sum := 0
	for i, raw := range list {
		path := o.object(fmt.Sprintf("%s[%d]", o.at("paths"), i), raw)
		var weight int
		if !path.into("weight", "a whole number", &weight) || weight < 0 || weight > 1_000_000 {
			path.fault(path.at("weight"), "is not a whole number from 0 to 1000000")
		}
		sum += weight
		s.Paths = append(s.Paths, Path{Weight: weight, Steps: p.steps(path.at("steps"), path.list("steps", false), depth+1)})
		path.done()
	}
	if sum == 0 {
		o.fault(o.at("paths"), "have no weight: at least one must be larger than 0")
	}
}

func (p *parser) update(o *object, s *Step) {
	if raw := o.raw("set"); raw != nil {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&s.Set); err != nil {
			o.fault(o.at("set"), "is not an object of attributes")
		}
		var wrong fault.List
		check.Object(&wrong, o.at("set"), s.Set)
		o.faults = append(o.faults, wrong...)
	}
	s.Subscribe, s.Unsubscribe = o.texts("subscribe"), o.texts("unsubscribe")
	for _, topic := range s.Subscribe {
		o.validTopic("subscribe", topic)
	}
	for _, topic := range s.Unsubscribe {
		o.validTopic("unsubscribe", topic)
	}
	if len(s.Set)+len(s.Subscribe)+len(s.Unsubscribe) == 0 {
		o.fault(o.path, "changes nothing: name attributes to set, or topics to subscribe or unsubscribe")
	}
}
