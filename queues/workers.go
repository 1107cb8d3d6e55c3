package queues

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"posthorn/internal/pulse"
	"posthorn/tasks"
)

// Worker is a process that takes tasks.
type Worker struct {
	ID        string    `json:"id"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Command   string    `json:"command" example:"worker"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	SeenAt    time.Time `json:"seen_at" doc:"Its last heartbeat; it has one every two seconds."`
	Lost      bool      `json:"lost" doc:"It was not heard of for ten seconds and did not say that it ends."`
	Slots     []Slots   `json:"slots"`
	Work      []Work    `json:"work" doc:"What it is at."`
}

// Slots is how much of one queue a worker takes at once.
type Slots struct {
	Queue       string `json:"queue"`
	Concurrency int    `json:"concurrency"`
	Active      int    `json:"active"`
}

// Work is a task in a worker's hands.
type Work struct {
	Queue string    `json:"queue"`
	Type  string    `json:"type" example:"campaign:chunk"`
	Row   int64     `json:"row" doc:"The row it is about. 0: whatever is due."`
	Name  string    `json:"name,omitempty" doc:"relay:test: the relay."`
	Since time.Time `json:"since"`
}

// Scheduler is a process that sweeps.
type Scheduler struct {
	ID         string     `json:"id"`
	Host       string     `json:"host"`
	PID        int        `json:"pid"`
	Command    string     `json:"command" example:"scheduler"`
	Version    string     `json:"version"`
	StartedAt  time.Time  `json:"started_at"`
	SeenAt     time.Time  `json:"seen_at" doc:"Its last heartbeat; it has one every two seconds."`
	Lost       bool       `json:"lost"`
	Every      float64    `json:"every_seconds" doc:"Between two sweeps."`
	FinishedAt *time.Time `json:"finished_at" doc:"Of the last sweep without an error."`
	Took       float64    `json:"took_seconds" doc:"The last sweep."`
	Error      string     `json:"error,omitempty" doc:"Of the last sweep."`
	Sweeps     int64      `json:"sweeps" doc:"Since it started."`
}

// place is what a process's line and asynq's servers have in common.
type place struct {
	host string
	pid  int
}

// workers brings together what workers tell of themselves and what asynq knows of
// the servers in them, one for each queue.
func workers(now time.Time, processes []pulse.Process, servers []*asynq.ServerInfo) []Worker {
	list := []Worker{}
	at := map[place]int{}
	for _, p := range processes {
		if p.Worker == nil {
			continue
		}
		w := Worker{ID: p.ID, Host: p.Host, PID: p.PID, Command: p.Command, Version: p.Version, StartedAt: p.StartedAt, SeenAt: p.SeenAt,
			Lost: lost(now, p), Slots: []Slots{}, Work: []Work{}}
		// Where one of the same place was lost, asynq's servers are those of the one that lives.
		if i, taken := at[place{p.Host, p.PID}]; !taken || list[i].Lost {
			at[place{p.Host, p.PID}] = len(list)
		}
		list = append(list, w)
	}
	for _, s := range servers {
		i, ok := at[place{s.Host, s.PID}]
		if !ok { // it has not told of itself yet, or is of another version
			i = len(list)
			at[place{s.Host, s.PID}] = i
			list = append(list, Worker{ID: s.ID, Host: s.Host, PID: s.PID, StartedAt: s.Started.UTC(), SeenAt: now, Slots: []Slots{}, Work: []Work{}})
		}
		w := &list[i]
		for queue := range s.Queues {
			w.Slots = append(w.Slots, Slots{Queue: queue, Concurrency: s.Concurrency, Active: len(s.ActiveWorkers)})
		}
		for _, a := range s.ActiveWorkers {
			row, name := rowOf(a.TaskType, a.TaskPayload)
			w.Work = append(w.Work, Work{Queue: a.Queue, Type: a.TaskType, Row: row, Name: name, Since: a.Started.UTC()})
		}
	}
	for i := range list {
		slices.SortFunc(list[i].Slots, func(a, b Slots) int { return order(a.Queue, b.Queue) })
		slices.SortFunc(list[i].Work, func(a, b Work) int {
			return cmp.Or(order(a.Queue, b.Queue), a.Since.Compare(b.Since), cmp.Compare(a.Row, b.Row), strings.Compare(a.Type, b.Type))
		})
	}
	return list
}

// order is that of tasks.Queues.
func order(a, b string) int {
	at := func(queue string) int {
		if i := slices.Index(tasks.Queues, queue); i >= 0 {
			return i
		}
		return len(tasks.Queues)
	}
	return cmp.Or(at(a)-at(b), strings.Compare(a, b))
}

func lost(now time.Time, p pulse.Process) bool { return now.Sub(p.SeenAt) > pulse.Silent }

// schedulers lists who sweeps, and says how long ago any of them was last through.
func schedulers(now time.Time, processes []pulse.Process) (list []Scheduler, lag *float64) {
	list = []Scheduler{}
	for _, p := range processes {
		if p.Scheduler == nil {
			continue
		}
		s := Scheduler{ID: p.ID, Host: p.Host, PID: p.PID, Command: p.Command, Version: p.Version, StartedAt: p.StartedAt, SeenAt: p.SeenAt,
			Lost: lost(now, p), Every: p.Scheduler.Every, FinishedAt: moment(p.Scheduler.FinishedAt), Took: p.Scheduler.Took,
			Error: p.Scheduler.Error, Sweeps: p.Scheduler.Sweeps}
		list = append(list, s)
		if s.FinishedAt == nil {
			continue
		}
		if behind := seconds(now.Sub(*s.FinishedAt)); lag == nil || *behind < *lag {
			lag = behind
		}
	}
	return list, lag
}

// repairs sums up what sweeps put right, the most frequent first.
func repairs(hour []pulse.Interval) []Repair {
	list := []Repair{}
	for k, n := range pulse.Sum(hour) {
		if k.What == pulse.Repairs && n > 0 {
			list = append(list, Repair{Kind: k.Of, N: n})
		}
	}
	slices.SortFunc(list, func(a, b Repair) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Kind, b.Kind)) })
	return list
}
