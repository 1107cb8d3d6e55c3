package journeys

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"posthorn/internal/fault"
)

const (
	mailStep  = `{"id":"m","type":"send","template_id":1,"topic":"news","sender":{"name":"Shop","address":"news@shop.example"}}`
	someRule  = `{"field":"country","operator":"=","value":"Iceland"}`
	orderRule = `{"field":"order.total","operator":">","value":50}`
	sinceRule = `{"field":"bought.category","operator":"bought","value":"grinders","from":"trigger"}`
)

// goodDefinitions has every type of trigger and of step, with every field.
var goodDefinitions = map[string]string{
	"order":           `{"trigger":{"type":"order","on":"paid","where":` + orderRule + `},"entry":{"key":"order","again_after":"P30D","if":` + someRule + `},"exit":{"goal":` + sinceRule + `,"on_refund":false},"steps":[` + mailStep + `]}`,
	"order, refunded": `{"trigger":{"type":"order","on":"refunded"},"steps":[` + mailStep + `]}`,
	"event":           `{"trigger":{"type":"event","name":"left a cart","where":{"field":"properties.value","operator":">","value":20}},"entry":{"key":"event"},"steps":[` + mailStep + `]}`,
	"abandoned":       `{"trigger":{"type":"abandoned","name":"left a cart","within":"PT4H","where":` + someRule + `},"entry":{"key":"contact","again_after":"P30D"},"steps":[` + mailStep + `]}`,
	"not bought":      `{"trigger":{"type":"not_bought","within":"P14D","where":` + orderRule + `,"unless":` + sinceRule + `},"steps":[` + mailStep + `]}`,
	"win-back":        `{"trigger":{"type":"win_back","within":"P90D","where":` + orderRule + `},"entry":{"again_after":"P1Y"},"steps":[` + mailStep + `]}`,
	"replenishment":   `{"trigger":{"type":"replenishment","products":["CO-11"],"categories":["coffee"],"interval":"learned"},"steps":[` + mailStep + `]}`,
	"replenishment 2": `{"trigger":{"type":"replenishment","products":["CO-11"],"interval":"P30D"},"steps":[` + mailStep + `]}`,
	"segment":         `{"trigger":{"type":"segment","on":"entered","segment_id":1},"steps":[` + mailStep + `]}`,
	"date":            `{"trigger":{"type":"date","attribute":"birthday","offset":"-P3D","at":"09:00","yearly":true},"steps":[` + mailStep + `]}`,
	"everything null": `{"trigger":{"type":"order","on":"placed","where":null},"entry":null,"exit":null,"steps":[` + mailStep + `]}`,
	"rules null":      `{"trigger":{"type":"win_back","within":"P1D","where":null},"entry":{"if":null},"exit":{"goal":null},"steps":[` + mailStep + `]}`,
	"all steps": `{"trigger":{"type":"order","on":"placed"},"steps":[
		{"id":"a","type":"wait","for":"P1D","at":"09:30","on":["mon","fri"]},
		{"id":"b","type":"wait_until","event":"clicked","timeout":"P3D","then":[{"id":"b1","type":"exit"}],"else":[]},
		{"id":"c","type":"wait_until","if":` + sinceRule + `,"timeout":"PT30M","else":[{"id":"c1","type":"wait","on":["sat"]}]},
		{"id":"d","type":"branch","if":` + someRule + `,"then":[{"id":"d1","type":"wait","at":"10:00"}],"else":[{"id":"d2","type":"exit","reason":"abroad"}]},
		{"id":"e","type":"split","paths":[{"weight":1,"steps":[]},{"weight":0},{"weight":3,"steps":[{"id":"e1","type":"wait","for":"PT1H"}]}]},
		{"id":"f","type":"update_contact","set":{"level":3,"tags":["a"],"old":null},"subscribe":["care"],"unsubscribe":["news"]},
		{"id":"g","type":"webhook","url":"https://shop.example/hook?x=1"},
		{"id":"h","type":"send","template_id":1,"topic":"news","sender":{"address":"news@shop.example"},"relay":"second","transactional":true,"promotes":["GR-02"]},
		{"id":"i","type":"exit","reason":"done"}]}`,
}

func with(trigger, steps string) string {
	return `{"trigger":` + trigger + `,"steps":[` + steps + `]}`
}

func step(s string) string { return with(onOrder, s) }

// badDefinitions are refused; each says which field is at fault.
var badDefinitions = []struct {
	definition, field string
	semantic          bool // it takes more than a schema to see it
}{
	{`null`, "definition", false},
	{`"x"`, "definition", false},
	{`{`, "definition", true},
	{`{"trigger":` + onOrder + `,"steps":[]}`, "steps", false},
	{`{"steps":[` + mailStep + `]}`, "trigger", false},
	{`{"trigger":` + onOrder + `,"steps":[` + mailStep + `],"name":"x"}`, "name", false},
	{with(`{"type":"order","on":"shipped"}`, mailStep), "trigger.on", false},
	{with(`{"type":"order"}`, mailStep), "trigger.on", false},
	{with(`{"type":"orders"}`, mailStep), "trigger.type", false},
	{with(`{"type":"order","on":"paid","name":"x"}`, mailStep), "trigger.name", false},
	{with(`{"type":"order","on":"paid","where":{"field":"properties.x","operator":"null"}}`, mailStep), "trigger.where.field", true},
	{with(`{"type":"event"}`, mailStep), "trigger.name", false},
	{with(`{"type":"abandoned","name":"x"}`, mailStep), "trigger.within", false},
	{with(`{"type":"win_back","within":"30 days"}`, mailStep), "trigger.within", false},
	{with(`{"type":"win_back","within":"P0D"}`, mailStep), "trigger.within", true},
	{with(`{"type":"not_bought","within":"P1D"}`, mailStep), "trigger.unless", false},
	{with(`{"type":"replenishment","interval":"learned"}`, mailStep), "trigger.products", true},
	{with(`{"type":"replenishment","products":["A"],"interval":"often"}`, mailStep), "trigger.interval", false},
	{with(`{"type":"replenishment","products":["A"],"interval":"learned","intervals":{"A":"soon"}}`, mailStep), "trigger.intervals.A", false},
	{with(`{"type":"segment","on":"entered"}`, mailStep), "trigger.segment_id", false},
	{with(`{"type":"segment","on":"entered","segment_id":"1"}`, mailStep), "trigger.segment_id", false},
	{with(`{"type":"date","attribute":"birthday"}`, mailStep), "trigger.at", false},
	{with(`{"type":"date","attribute":"birthday","at":"9 am"}`, mailStep), "trigger.at", false},
	{`{"trigger":` + onOrder + `,"entry":{"key":"event"},"steps":[` + mailStep + `]}`, "entry.key", true},
	{`{"trigger":` + onOrder + `,"entry":{"again_after":"-P1D"},"steps":[` + mailStep + `]}`, "entry.again_after", false},
	{`{"trigger":{"type":"event","name":"x"},"exit":{"on_refund":true},"steps":[` + mailStep + `]}`, "exit.on_refund", true},
	{step(`{"type":"exit"}`), "steps[0].id", false},
	{step(`{"id":"a b","type":"exit"}`), "steps[0].id", false},
	{step(`{"id":"a","type":"exit"},{"id":"b","type":"exit"}`), "steps[0](a)", true},
	{step(`{"id":"a","type":"wait","for":"P1D"},{"id":"a","type":"exit"}`), "steps[1].id", true},
	{step(`{"id":"a","type":"sleep"}`), "steps[0](a).type", false},
	{step(`{"id":"a","type":"wait"}`), "steps[0](a).for", false},
	{step(`{"id":"a","type":"wait","for":"P6Y"}`), "steps[0](a).for", true},
	{step(`{"id":"a","type":"wait","on":["monday"]}`), "steps[0](a).on", false},
	{step(`{"id":"a","type":"wait_until","timeout":"P1D"}`), "steps[0](a)", false},
	{step(`{"id":"a","type":"wait_until","event":"x","if":` + someRule + `,"timeout":"P1D"}`), "steps[0](a)", false},
	{step(`{"id":"a","type":"wait_until","event":"x"}`), "steps[0](a).timeout", false},
	{step(`{"id":"a","type":"branch","if":` + someRule + `}`), "steps[0](a)", true},
	{step(`{"id":"a","type":"branch","if":{"field":"nope","operator":"="},"then":[` + mailStep + `]}`), "steps[0](a).if.field", true},
	{step(`{"id":"a","type":"branch","if":{"combinator":"and","rules":[{"field":"country","operator":"="}]},"then":[` + mailStep + `]}`), "steps[0](a).if.rules[0].value", true},
	{step(`{"id":"a","type":"branch","if":` + someRule + `,"then":"m"}`), "steps[0](a).then", false},
	{step(`{"id":"a","type":"wait_until","if":{"field":"nope","operator":"="},"timeout":"P1D"}`), "steps[0](a).if.field", true},
	{with(`{"type":"not_bought","within":"P1D","unless":{"field":"nope","operator":"="}}`, mailStep), "trigger.unless.field", true},
	{step(`5`), "steps[0]", false},
	{step(`null`), "steps[0]", false},
	{step(`{"id":"a","type":"wait","for":"P0D"}`), "steps[0](a).for", true},
	{step(`{"id":"a","type":"send","template_id":1,"topic":"news","sender":"news@shop.example"}`), "steps[0](a).sender", false},
	{step(`{"id":"a","type":"branch","then":[` + mailStep + `]}`), "steps[0](a).if", false},
	{step(`{"id":"a","type":"split","paths":[{"weight":1}]}`), "steps[0](a).paths", false},
	{step(`{"id":"a","type":"split","paths":[{"weight":0},{"weight":0}]}`), "steps[0](a).paths", true},
	{step(`{"id":"a","type":"split","paths":[{"weight":-1},{"weight":2}]}`), "steps[0](a).paths[0].weight", false},
	{step(`{"id":"a","type":"update_contact"}`), "steps[0](a)", false},
	{step(`{"id":"a","type":"update_contact","subscribe":["No Topic"]}`), "steps[0](a).subscribe", false},
	{step(`{"id":"a","type":"webhook","url":"ftp://shop.example"}`), "steps[0](a).url", false},
	{step(`{"id":"a","type":"send","topic":"news","sender":{"address":"a@b.example"}}`), "steps[0](a).template_id", false},
	{step(`{"id":"a","type":"send","template_id":1,"topic":"news"}`), "steps[0](a).sender", false},
	{step(`{"id":"a","type":"send","template_id":1,"topic":"news","sender":{"address":"news"}}`), "steps[0](a).sender.address", true},
	{step(`{"id":"a","type":"send","template_id":1,"sender":{"address":"a@b.example"}}`), "steps[0](a).topic", false},
	{step(`{"id":"a","type":"send","template_id":1,"topic":"No Topic","sender":{"address":"a@b.example"}}`), "steps[0](a).topic", false},
	{step(`{"id":"a","type":"branch","if":` + someRule + `,"then":[{"id":"b","type":"wait","at":"24:00"}]}`), "steps[0](a).then[0](b).at", false},
}

func TestGoodDefinitions(t *testing.T) {
	t.Parallel()
	for name, raw := range goodDefinitions {
		d, err := Parse([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// What is kept is read back to the same.
		once := pretty(d)
		again, err := Parse([]byte(once))
		if err != nil || pretty(again) != once {
			t.Errorf("%s: %s is read back as %s, %v", name, once, pretty(again), err)
		}
	}
}

func TestBadDefinitions(t *testing.T) {
	t.Parallel()
	for _, c := range badDefinitions {
		_, err := Parse([]byte(c.definition))
		var one *fault.Invalid
		if !errors.As(err, &one) || one.Field != c.field {
			t.Errorf("%s: %v, want one fault, of %s", c.definition, err, c.field)
		}
	}
}

func TestTooLargeDefinitions(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(`{"id":"x","type":"wait","for":"P1D"},`, maxSteps) + mailStep
	deep := mailStep
	for range maxDepth {
		deep = `{"id":"x","type":"branch","if":` + someRule + `,"then":[` + deep + `]}`
	}
	for what, raw := range map[string]string{"steps": step(many), "bytes": step(mailStep) + strings.Repeat(" ", maxBytes), "nesting": step(deep)} {
		if _, err := Parse([]byte(raw)); err == nil {
			t.Errorf("too many %s are taken", what)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range goodDefinitions {
		f.Add([]byte(raw))
	}
	for _, c := range badDefinitions {
		f.Add([]byte(c.definition))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse(raw)
		if err != nil {
			return
		}
		kept, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(kept); err != nil && len(kept) <= maxBytes {
			t.Errorf("%s is kept as %s, which is refused: %v", raw, kept, err)
		}
		Compile(d)
	})
}
