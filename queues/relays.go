package queues

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/pulse"
	"posthorn/relays"
)

// Relay is how the workers get on with a relay.
type Relay struct {
	Name     string       `json:"name"`
	Host     string       `json:"host"`
	Port     int          `json:"port"`
	State    string       `json:"state" enum:"closed,half-open,open,unused" doc:"The circuit: closed: it is used. open: a worker could not reach it and tries nothing for a while. half-open: the next mail tries it. The worst of all workers. unused: no worker has used it since it started."`
	Since    *time.Time   `json:"since" doc:"Not closed: since when it cannot be reached."`
	Until    *time.Time   `json:"until" doc:"open: until when nothing is tried."`
	Reason   string       `json:"reason,omitempty" example:"relay_unreachable"`
	Detail   string       `json:"detail,omitempty" doc:"The relay's words, or the error's, without addresses."`
	InUse    int          `json:"in_use" doc:"Connections that carry mails, of all workers."`
	Idle     int          `json:"idle" doc:"Connections that wait for some."`
	Limit    int          `json:"limit" doc:"Most connections of all workers together, for campaigns and follow-ups."`
	RateMax  int          `json:"rate_per_second" doc:"Most mails per second, as set. 0: no limit."`
	Rate     float64      `json:"rate" doc:"Mails per second that it accepted over the last minute, or since work began within it."`
	Accepted int64        `json:"accepted" doc:"Mails in the last hour."`
	Put      int64        `json:"deferred" doc:"Mails that it put off, in the last hour."`
	Refused  int64        `json:"failed" doc:"Mails that it refused, in the last hour."`
	Workers  []Circuit    `json:"workers" doc:"The circuit of each worker."`
	Test     *relays.Test `json:"test" doc:"The last test. null: there was none."`
}

// Circuit is how one worker gets on with a relay.
type Circuit struct {
	Worker   string     `json:"worker" doc:"The worker's id."`
	Host     string     `json:"host"`
	PID      int        `json:"pid"`
	State    string     `json:"state" enum:"closed,half-open,open"`
	Since    *time.Time `json:"since"`
	Until    *time.Time `json:"until"`
	Failures int        `json:"failures" doc:"In a row."`
	Reason   string     `json:"reason,omitempty"`
	Detail   string     `json:"detail,omitempty"`
	InUse    int        `json:"in_use"`
	Idle     int        `json:"idle"`
}

// Unused is the state of a relay that no worker tells of.
const Unused = "unused"

// worse orders the states of a circuit.
var worse = map[string]int{Unused: 0, pulse.Closed: 1, pulse.HalfOpen: 2, pulse.Open: 3}

// relays lists the relays that are set, with what living workers tell of them.
func (d *Desk) relays(ctx context.Context, now time.Time, processes []pulse.Process, hour []pulse.Interval) ([]Relay, error) {
	set, err := relays.List(ctx, d.pool)
	if err != nil {
		return nil, err
	}
	tests, err := relays.Tests(ctx, d.pool)
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	sum, minute := pulse.Sum(hour), since(hour, now.Add(-rateOver))
	list := make([]Relay, len(set))
	for i, s := range set {
		r := &list[i]
		count := func(as string) int64 { return sum[pulse.Key{What: pulse.Relay, Of: s.Name, As: as}] }
		*r = Relay{Name: s.Name, Host: s.Host, Port: s.Port, State: Unused, RateMax: s.RatePerSecond, Workers: []Circuit{},
			Accepted: count("sent"), Put: count("deferred"), Refused: count("failed")}
		r.Rate = rate(minute, now, func(c pulse.Counts) int64 { return c[pulse.Key{What: pulse.Relay, Of: s.Name, As: "sent"}] })
		if t, ok := tests[s.Name]; ok {
			r.Test = &t
		}
		for _, p := range processes {
			if p.Worker != nil && !lost(now, p) {
				r.add(now, p)
			}
		}
	}
	return list, nil
}

// add takes in what a worker tells of the relay.
func (r *Relay) add(now time.Time, p pulse.Process) {
	for _, c := range p.Worker.Relays {
		if c.Relay != r.Name {
			continue
		}
		if c.State == pulse.Open && !c.Until.After(now) {
			c.State = pulse.HalfOpen
		}
		one := Circuit{Worker: p.ID, Host: p.Host, PID: p.PID, State: c.State, Since: moment(c.Since), Until: moment(c.Until), Failures: c.Failures,
			Reason: c.Reason, Detail: c.Detail, InUse: c.InUse, Idle: c.Idle}
		r.Workers = append(r.Workers, one)
		r.InUse, r.Idle, r.Limit = r.InUse+c.InUse, r.Idle+c.Idle, r.Limit+c.Limit
		if worse[c.State] > worse[r.State] || c.State == r.State && r.Since == nil {
			r.State, r.Since, r.Until, r.Reason, r.Detail = one.State, one.Since, one.Until, one.Reason, one.Detail
		}
	}
}
