package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"posthorn/delivery"
	"posthorn/messages"
	"posthorn/worker"
)

// verdict is what came out of a round.
type verdict struct {
	options
	storm *storm
	stuck string        // why the campaign did not end; "": it did
	took  time.Duration // of the big campaign
	calm  time.Duration // from the end of the faults to the end of the campaign

	followed time.Duration // from the end of the faults to the last follow-up

	skipped                   []string // faults that were asked for and are not possible here, with the reason
	heard                     heard
	counts                    map[messages.State]int
	lost, doubled, wrong      []string // one line each, with what both sides say
	unknown                   int
	ticks                     []tick
	recoveries                []recovery
	inDoubt, noRecord, silent part
}

// part is a part of the unknown mails: how many there are and may be, and why.
type part struct {
	is, most int
	why      string
}

// row is a message as the ledger has it.
type row struct {
	campaign         int64
	messageID, email string
	state            messages.State
	reason, detail   string
	attempts         int
}

func (v *verdict) good() bool {
	return v.stuck == "" && len(v.storm.problems) == 0 && len(v.lost)+len(v.doubled)+len(v.wrong) == 0 &&
		v.inDoubt.is <= v.inDoubt.most && v.noRecord.is <= v.noRecord.most && v.silent.is <= v.silent.most
}

// compare holds the ledger against what the relay accepted. Nobody writes to
// either any more.
func (v *verdict) compare(ctx context.Context) error {
	rows, err := v.ledger(ctx)
	if err != nil {
		return err
	}
	r := v.storm.relay
	v.counts = map[messages.State]int{}
	known := map[string]bool{}
	readers := 0
	for _, m := range rows {
		v.counts[m.state]++
		if m.campaign == v.storm.campaign {
			readers++
		}
		known[m.messageID] = true
		v.judge(m, r.accepted[m.messageID])
	}
	for id, n := range r.accepted {
		if !known[id] {
			v.wrong = append(v.wrong, fmt.Sprintf("%s: the relay accepted it %d times; the ledger does not know it", id, n))
		}
	}
	for to, ids := range r.to {
		if len(ids) > 1 {
			v.doubled = append(v.doubled, fmt.Sprintf("%s got %d mails of run %s: %v", to.recipient, len(ids), to.run, ids))
		}
	}
	if readers != v.recipients {
		v.wrong = append(v.wrong, fmt.Sprintf("the ledger has %d rows for %d recipients", readers, v.recipients))
	}
	if err := v.compareTicks(ctx, v.storm.pool); err != nil {
		return err
	}
	if err := v.compareBuyers(ctx); err != nil {
		return err
	}
	if err := sumsAgree(ctx, v.storm.pool); err != nil {
		v.wrong = append(v.wrong, err.Error())
	}
	v.bound()
	return nil
}

// judge looks at one mail from both sides.
func (v *verdict) judge(m row, accepted int) {
	says := fmt.Sprintf("%s to %s: the ledger says %s %q after %d attempts (%s); the relay accepted it %d times",
		m.messageID, m.email, m.state, m.reason, m.attempts, m.detail, accepted)
	_, gone := v.storm.relay.fate(m.email)
	_, silenced := v.storm.relay.silenced[m.messageID]
	if accepted > 1 {
		v.doubled = append(v.doubled, says)
	}
	if m.state != messages.Sent && m.state != messages.Planned && m.reason == "" {
		v.wrong = append(v.wrong, "no reason: "+says)
	}
	switch m.state {
	case messages.Sent:
		if accepted == 0 {
			v.lost = append(v.lost, says)
		}
	case messages.Unknown:
		v.unknown++
		switch {
		case m.reason == delivery.ReasonReplyLost || m.reason == delivery.ReasonReplyLate:
			v.silent.is++
			if !silenced {
				v.wrong = append(v.wrong, "the relay did answer: "+says)
			}
		case m.reason != messages.ReasonWorkerLost:
			v.wrong = append(v.wrong, says)
		case strings.Contains(m.detail, "what it knew"):
			v.noRecord.is++
		default:
			v.inDoubt.is++
		}
	case messages.Failed:
		if accepted > 0 || !gone || m.reason != delivery.ReasonRecipientRefused {
			v.wrong = append(v.wrong, says)
		}
	case messages.Skipped:
		if accepted > 0 || !slices.Contains([]string{messages.ReasonUnsubscribed, messages.ReasonSuppressed, messages.ReasonDuplicateAddress}, m.reason) {
			v.wrong = append(v.wrong, says)
		}
	default: // not settled, or cancelled
		if m.state == messages.Cancelled && m.campaign == v.storm.campaign && v.cancel && accepted == 0 {
			break
		}
		if accepted == 0 {
			v.lost = append(v.lost, says)
		} else {
			v.wrong = append(v.wrong, says)
		}
	}
}

// How far apart a worker's death and the loss of what Redis held may be to come
// together: the record is there from the claim on (which a slow relay can draw
// out), and needed until the worker's lease has run out and a scheduler has swept
// (which a server that is away can delay). While Redis stays away nothing is
// claimed: of an absence, however long, only its two ends count.
const (
	lossBefore = 2 * hangFor
	lossAfter  = messages.Lease + 8*time.Second
)

// claimSize is worker/chunk.go's.
const claimSize = 50

// bound says how many mails may be unknown after what was done.
func (v *verdict) bound() {
	s := v.storm
	together := 0
	connections := v.connections // that a worker has
	if v.orders > 0 {
		connections += worker.RealtimeConcurrency
	}
	for _, k := range s.kills {
		if slices.ContainsFunc(s.losses, func(at time.Time) bool { return at.After(k.Add(-lossBefore)) && at.Before(k.Add(lossAfter)) }) {
			together++
		}
	}
	// A worker that is cut off from PostgreSQL for so long loses its leases although it lives.
	cutOff := 0
	for _, out := range s.outages {
		if out.to.Sub(out.from) > messages.Lease-2*time.Second {
			cutOff++
		}
	}
	// One that has to end while PostgreSQL is away cannot record its last answers.
	mute := 0
	for _, t := range s.terms {
		if slices.ContainsFunc(s.outages, t.meets) {
			mute++
		}
	}
	v.inDoubt.most = connections * (len(s.kills) + mute + v.workers*cutOff)
	v.inDoubt.why = fmt.Sprintf("%d kills x %d connections", len(s.kills), connections)
	if mute > 0 {
		v.inDoubt.why += fmt.Sprintf(", and of %d workers ended while PostgreSQL was away", mute)
	}
	if cutOff > 0 {
		v.inDoubt.why += fmt.Sprintf(", %d long outages of PostgreSQL x %d workers", cutOff, v.workers)
	}
	v.noRecord.most = together * connections * claimSize
	v.noRecord.why = fmt.Sprintf("%d kills while Redis forgot x %d connections x %d claimed", together, connections, claimSize)
	if _, others := v.afterKills(); others > 0 && len(s.kills)+len(s.outages)+v.crowds == 0 {
		v.wrong = append(v.wrong, fmt.Sprintf("%d chunks were left to their lease, although no worker was killed and PostgreSQL was there", others))
	}
	v.silent.most = len(s.relay.silenced)
	v.silent.why = "mails that the relay did not answer"
}

func (v *verdict) ledger(ctx context.Context) ([]row, error) {
	rows, err := v.storm.pool.Query(ctx, `
		SELECT coalesce(r.campaign_id, 0), m.id, r.key, m.email, m.state, m.reason, m.detail, m.attempts
		FROM messages m JOIN runs r ON r.id = m.run_id ORDER BY m.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		var m row
		var id int64
		var key uuid.UUID
		if err := rows.Scan(&m.campaign, &id, &key, &m.email, &m.state, &m.reason, &m.detail, &m.attempts); err != nil {
			return nil, err
		}
		m.messageID = messages.MessageID(key, id, sender)
		all = append(all, m)
	}
	return all, rows.Err()
}

// describe writes down where a stuck campaign stands.
func (s *storm) describe(ctx context.Context, file string) {
	var b strings.Builder
	for _, q := range []string{
		`SELECT 'now ' || now() || ' run ' || row_to_json(r) FROM runs r`,
		`SELECT 'chunk ' || row_to_json(k) || ' ' || (SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) n FROM messages WHERE chunk_id = k.id GROUP BY 1) c) FROM chunks k WHERE done_at IS NULL`,
		`SELECT 'message ' || row_to_json(m) FROM messages m WHERE state IN ('planned', 'sending', 'deferred') LIMIT 200`,
		`SELECT 'happening ' || row_to_json(h) FROM happenings h ORDER BY id LIMIT 50`,
		`SELECT 'enrolments ' || status || ' ' || position || ' ' || count(*) || ' due ' || coalesce(min(due_at)::text, '') FROM enrolments GROUP BY status, position`,
	} {
		rows, err := s.pool.Query(ctx, q)
		if err != nil {
			fmt.Fprintln(&b, err)
			continue
		}
		for rows.Next() {
			var line string
			_ = rows.Scan(&line)
			fmt.Fprintln(&b, line)
		}
		rows.Close()
	}
	keys, _ := s.client.Keys(ctx, "asynq:*").Result()
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprint(&b, key)
		if strings.Contains(key, ":t:") {
			state, _ := s.client.HGet(ctx, key, "state").Result()
			fmt.Fprint(&b, " ", state)
		}
		fmt.Fprintln(&b)
	}
	_ = os.WriteFile(file, []byte(b.String()), 0o644)
}
