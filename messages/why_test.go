package messages

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// documented reads the reasons that docs/states.md lists, by state: "unknown, or deferred
// with …" is both.
func documented(t *testing.T) map[State][]string {
	t.Helper()
	data, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "### Reasons")
	tables, _, _ := strings.Cut(rest, "### Retries")
	if !found {
		t.Fatal("docs/states.md has no table of reasons")
	}
	code := regexp.MustCompile("`([a-z_]+)`")
	reasons := map[State][]string{}
	var states []State
	for line := range strings.Lines(tables) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		if named := strings.TrimSpace(cells[1]); named != "" {
			states = nil
			for _, s := range States {
				if strings.Contains(strings.ReplaceAll(named, "`in_doubt: resend`", ""), string(s)) {
					states = append(states, s)
				}
			}
		}
		for _, m := range code.FindAllStringSubmatch(cells[2], -1) {
			for _, s := range states {
				reasons[s] = append(reasons[s], m[1])
			}
		}
	}
	return reasons
}

// Every reason there is has a sentence of its own, in every state that it comes with,
// for mails of campaigns and of journeys.
func TestEveryReasonHasASentence(t *testing.T) {
	t.Parallel()
	causes := map[State]map[string]string{Skipped: whySkipped, Deferred: whyDeferred, Failed: whyFailed, Cancelled: whyCancelled, Unknown: whyUnknown}
	seen := map[string]string{}
	n := 0
	due := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	for state, reasons := range documented(t) {
		for _, reason := range reasons {
			n++
			for _, kind := range []Kind{OfCampaign, OfTest, OfJourney} {
				m := Message{Kind: kind, State: state, Reason: reason, Topic: "news", Relay: "default", DueAt: &due}
				said := Why(m)
				if causes[state][reason] == "" {
					t.Errorf("%s %s has no sentence of its own: %s", state, reason, said)
				}
				if strings.ContainsAny(said, "{}") || !strings.HasSuffix(said, ".") {
					t.Errorf("%s %s: %s", state, reason, said)
				}
				if kind != OfCampaign {
					continue
				}
				if other, twice := seen[said]; twice && other != reason {
					t.Errorf("%s and %s are both said as: %s", other, reason, said)
				}
				seen[said] = reason
			}
		}
	}
	if n < 35 {
		t.Errorf("only %d reasons are documented", n)
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 9, 0, 0, 0, time.FixedZone("", 3600))
	base := Message{Kind: OfCampaign, Topic: "news", Relay: "default", Attempts: 1}
	with := func(change func(*Message)) Message {
		m := base
		change(&m)
		return m
	}
	for _, tt := range []struct {
		m    Message
		want string
	}{
		{with(func(m *Message) { m.State, m.SentAt, m.QueueID = Sent, &at, "ABC1" }), `Sent on 4 May 2026, 08:00 UTC: the relay "default" took it as ABC1.`},
		{with(func(m *Message) { m.State, m.SentAt, m.Attempts = Sent, &at, 3 }), `Sent on 4 May 2026, 08:00 UTC: the relay "default" took it, at the attempt number 3.`},
		{with(func(m *Message) { m.State, m.Detail, m.SentAt = Sent, "unknown at first; resolved as sent", &at }), `Taken for sent, as somebody decided: the relay's answer was lost.`},
		{with(func(m *Message) { m.State = Planned }), `Waits for its turn.`},
		{with(func(m *Message) { m.State, m.Held = Planned, true }), `Waits: the campaign is paused.`},
		{with(func(m *Message) { m.State, m.Held, m.Kind = Planned, true, OfJourney }), `Waits: the journey is paused.`},
		{with(func(m *Message) { m.State, m.InDoubt = Planned, true }), `Waits to be sent again, as somebody decided; nobody knows whether it was sent before.`},
		{with(func(m *Message) { m.State = Sending }), `Is being sent at this moment.`},
		{with(func(m *Message) { m.State, m.Reason = Skipped, ReasonUnsubscribed }), `Not sent: the contact has unsubscribed from the topic "news".`},
		{with(func(m *Message) {
			m.State, m.Reason, m.Code, m.EnhancedCode, m.Detail = Failed, "recipient_refused", 550, "5.1.1", "no such user."
		}), `Not sent: the address does not take it (550 5.1.1 no such user).`},
		{with(func(m *Message) {
			m.State, m.Reason, m.Code, m.Detail, m.DueAt = Deferred, "recipient_deferred", 451, "greylisted", &at
		}), `Not sent yet: the address takes no mail for now (451 greylisted). It is tried again on 4 May 2026, 08:00 UTC.`},
		{with(func(m *Message) { m.State, m.Reason, m.DueAt, m.Held = Deferred, ReasonQuietHours, &at, true }), `Not sent yet: it is quiet hours where the contact lives. It waits while the campaign is paused.`},
		{with(func(m *Message) { m.State, m.Reason = Failed, "struck_by_lightning" }), `Not sent: struck by lightning.`},
		{with(func(m *Message) { m.State = Unknown }), `Sent or not, nobody knows: no reason was noted.`},
		{with(func(m *Message) { m.State = "lost" }), `Is lost.`},
	} {
		if got := Why(tt.m); got != tt.want {
			t.Errorf("%s %s: %s\nwant: %s", tt.m.State, tt.m.Reason, got, tt.want)
		}
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "a": "a", "a=b": "a=b", "550 no": "550 no", "=1+1": "'=1+1", "+49": "'+49", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
		"＝1": "'＝1", "＋1": "'＋1", "'=1": "'=1",
	} {
		if got := inert(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
