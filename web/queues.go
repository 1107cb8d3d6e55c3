package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/mail"
	"strings"
	"time"

	"posthorn/campaigns"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/journeys"
	"posthorn/messages"
	"posthorn/queues"
	"posthorn/relays"
)

// lookWithin is how old what a page sees may be: pages that are open at the same time
// share a look.
const lookWithin = 900 * time.Millisecond

var (
	getQueuesDoc  = operation{Description: "All queues, who works on them, the relays and the sweeps: what the page of queues shows. No contact's data is in it."}
	liveQueuesDoc = operation{Description: getQueuesDoc.Description + " Told about every second."}
)

func (a *api) queuesNow(ctx context.Context, _ *none) (o queues.Overview, err error) {
	err = a.queuesDesk(func(d *queues.Desk) error {
		o, err = d.Look(ctx, lookWithin)
		return err
	})
	return o, err
}

func (a *api) getQueues(ctx context.Context, in *none) (*reply[queues.Overview], error) {
	o, err := a.queuesNow(ctx, in)
	if err != nil {
		return nil, err
	}
	return ok(o), nil
}

// QueuePath names a queue.
type QueuePath struct {
	Queue string `path:"queue" enum:"triggered,bulk,events,control,webhooks" example:"bulk"`
}

// Paused says whether a queue is paused.
type Paused struct {
	Queue  string `json:"queue"`
	Paused bool   `json:"paused"`
}

var (
	pauseQueueDoc = operation{Description: "Workers take no more tasks of this queue until it is resumed, also after Redis forgot everything. " +
		"What they have in hand they bring to an end: a campaign's mails go on for up to a minute. Campaigns and journeys stay running and go on where they are."}
	resumeQueueDoc = operation{Description: "Workers take tasks of this queue again."}
)

func (a *api) pauseQueue(ctx context.Context, in *QueuePath) (*reply[Paused], error) {
	return ok(Paused{in.Queue, true}), a.queuesDesk(func(d *queues.Desk) error { return d.Pause(ctx, in.Queue) })
}

func (a *api) resumeQueue(ctx context.Context, in *QueuePath) (*reply[Paused], error) {
	return ok(Paused{in.Queue, false}), a.queuesDesk(func(d *queues.Desk) error { return d.Resume(ctx, in.Queue) })
}

// queuesDesk does something at the desk. A server without one is built only by tests.
func (a *api) queuesDesk(do func(*queues.Desk) error) error {
	if a.queues == nil {
		return newProblem("", http.StatusServiceUnavailable, "the queues cannot be looked at here")
	}
	err := do(a.queues)
	if errors.Is(err, queues.ErrAway) {
		p := newProblem("", http.StatusServiceUnavailable, "Redis, which holds the queues, cannot be reached at the moment; try again")
		p.headers.Set("Retry-After", retryAfter)
		return p
	}
	return err
}

type listTasksInput struct {
	QueuePath
	Paging
	State string `query:"state" enum:"pending,active,retry,archived" default:"retry" doc:"retry: their worker died, and they are handed out again. archived: dead, their worker died too often."`
}

var listTasksDoc = operation{Description: "The tasks of a queue in one state. A task carries ids only: losing or deleting it loses no mail, since what is due for its row is knocked for again."}

func (a *api) listTasks(ctx context.Context, in *listTasksInput) (*reply[Page[queues.Task]], error) {
	page, err := in.id()
	if err != nil {
		return nil, err
	}
	if page < 1 || page > 1_000_000 {
		page = 1
	}
	var list []queues.Task
	var more bool
	err = a.queuesDesk(func(d *queues.Desk) error {
		list, more, err = d.Tasks(ctx, in.Queue, queues.State(in.State), int(page), in.Limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	next := int64(0)
	if more {
		next = page + 1
	}
	return pageByID(list, next), nil
}

// TaskPath names a task.
type TaskPath struct {
	QueuePath
	Task string `path:"task" maxLength:"300" example:"campaign:run:7:1"`
}

// TasksChanged is how many tasks something was done with.
type TasksChanged struct {
	Tasks int `json:"tasks"`
}

var (
	runTaskDoc    = operation{Description: "The task is taken as soon as a worker is free. 409 where it is pending or under way already.", Errors: conflict}
	deleteTaskDoc = operation{Description: "The row that it is about stays, and what is due for it is knocked for again by the next sweep. 409 where a worker has it.", Status: http.StatusNoContent, Errors: conflict}
	runTasksDoc   = operation{Description: "All tasks of the queue in this state are taken as soon as workers are free; answers how many there were.",
		Example: map[string]any{"state": "archived"}}
	deleteTasksDoc = operation{Description: "Deletes all tasks of the queue in this state; answers how many there were. The rows that they are about stay.",
		Example: map[string]any{"state": "archived"}}
)

func (a *api) runTask(ctx context.Context, in *TaskPath) (*reply[TasksChanged], error) {
	return ok(TasksChanged{1}), a.queuesDesk(func(d *queues.Desk) error { return d.Run(ctx, in.Queue, in.Task) })
}

func (a *api) deleteTask(ctx context.Context, in *TaskPath) (*none, error) {
	return nil, a.queuesDesk(func(d *queues.Desk) error { return d.Delete(ctx, in.Queue, in.Task) })
}

type tasksInput struct {
	QueuePath
	Body struct {
		State string `json:"state" enum:"retry,archived"`
	}
}

func (a *api) runTasks(ctx context.Context, in *tasksInput) (*reply[TasksChanged], error) {
	return a.changeTasks(ctx, in, (*queues.Desk).RunAll)
}

func (a *api) deleteTasks(ctx context.Context, in *tasksInput) (*reply[TasksChanged], error) {
	return a.changeTasks(ctx, in, (*queues.Desk).DeleteAll)
}

func (a *api) changeTasks(ctx context.Context, in *tasksInput, do func(*queues.Desk, context.Context, string, queues.State) (int, error)) (*reply[TasksChanged], error) {
	var n int
	err := a.queuesDesk(func(d *queues.Desk) (err error) {
		n, err = do(d, ctx, in.Queue, queues.State(in.Body.State))
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(TasksChanged{n}), nil
}

// Series is a list that is always whole.
type Series[T any] struct {
	Items []T `json:"items"`
}

type minutesInput struct {
	QueuePath
	Minutes int `query:"minutes" minimum:"1" maximum:"59" default:"59" doc:"How many, up to the last complete one."`
}

var listMinutesDoc = operation{Description: "What was done for a queue, minute by minute, by all workers together: the earliest first. The figures are kept in Redis for an hour, and begin anew where it forgets them."}

func (a *api) listMinutes(ctx context.Context, in *minutesInput) (*reply[Series[queues.Minute]], error) {
	var list []queues.Minute
	err := a.queuesDesk(func(d *queues.Desk) (err error) {
		list, err = d.Minutes(ctx, in.Queue, in.Minutes)
		return err
	})
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return ok(Series[queues.Minute]{list}), nil
}

type daysInput struct {
	QueuePath
	Days int `query:"days" minimum:"1" maximum:"90" default:"30"`
}

var listDaysDoc = operation{Description: "How many tasks of a queue were done, day by day in UTC: today last. The figures are kept in Redis for 90 days, and begin anew where it forgets them."}

func (a *api) listDays(ctx context.Context, in *daysInput) (*reply[Series[queues.Day]], error) {
	var list []queues.Day
	err := a.queuesDesk(func(d *queues.Desk) (err error) {
		list, err = d.Days(ctx, in.Queue, in.Days)
		return err
	})
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return ok(Series[queues.Day]{list}), nil
}

var listUnknownDoc = operation{Description: "Runs of campaigns and journeys with messages that were offered to a relay and never answered: nobody knows whether they were sent."}

func (a *api) listUnknown(ctx context.Context, in *Paging) (*reply[Page[queues.UnknownRun]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	var list []queues.UnknownRun
	var next int64
	err = a.queuesDesk(func(d *queues.Desk) error {
		list, next, err = d.UnknownRuns(ctx, cursor, in.Limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

// RunPath names a run.
type RunPath struct {
	Run int64 `path:"run" minimum:"1" example:"7"`
}

type listUnknownOfInput struct {
	RunPath
	Paging
}

var listUnknownOfDoc = operation{Description: "The unknown messages of a run, by the Message-ID under which the relay's log has them. Whom they are for is not shown."}

func (a *api) listUnknownOf(ctx context.Context, in *listUnknownOfInput) (*reply[Page[queues.UnknownMessage]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	var list []queues.UnknownMessage
	var next int64
	err = a.queuesDesk(func(d *queues.Desk) error {
		list, next, err = d.UnknownMessages(ctx, in.Run, cursor, in.Limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

type resolveUnknownInput struct {
	RunPath
	Body ResolveFields
}

var resolveUnknownDoc = operation{Description: "All unknown messages of a run at once, be it a campaign's or a journey's; answers how many there were. " + resolveDescription,
	Example: map[string]any{"as": "sent"}, Errors: conflict}

func (a *api) resolveUnknown(ctx context.Context, in *resolveUnknownInput) (*reply[Resolved], error) {
	kind, err := messages.KindOf(ctx, a.pool, in.Run)
	if err != nil {
		return nil, err
	}
	n, err := a.resolveRun(ctx, in.Run, kind, nil, messages.Resolution(in.Body.As))
	if err != nil {
		return nil, err
	}
	return ok(Resolved{n}), nil
}

// resolveRun decides about unknown messages of a run (all, or the only one), whatever
// it belongs to. A journey's mails that are to be sent again are found by the next sweep.
func (a *api) resolveRun(ctx context.Context, runID int64, kind messages.Kind, only *int64, as messages.Resolution) (int64, error) {
	if kind == messages.OfJourney {
		return journeys.Resolve(ctx, a.pool, a.now(), runID, only, as)
	}
	n, knock, err := campaigns.Resolve(ctx, a.pool, a.now(), runID, only, as)
	if err == nil {
		a.knockRun(ctx, knock)
	}
	return n, err
}

type testRelayInput struct {
	RelayPath
	Body *struct {
		To   string `json:"to,omitempty" maxLength:"254" example:"you@shop.example" doc:"Where to send a mail. Left out: none is sent."`
		From string `json:"from,omitempty" maxLength:"254" example:"news@shop.example" doc:"Its sender; needed with to."`
	} `required:"false"`
}

var testRelayDoc = operation{
	Description: "A worker connects to the relay, encrypts, greets it, logs in and says QUIT, and with `to` sends a short mail before that; the answer says how each step went. " +
		"It is made by a worker, because that is where mails leave. Where none takes it within ten seconds, the answer says so. 409 where a test of this relay is under way or was a moment ago.",
	Example: map[string]any{"to": "you@shop.example", "from": "news@shop.example"},
	Errors:  conflict,
	Timeout: testBegin + testEnd + 10*time.Second,
}

// How long a test of a relay is waited for: until a worker takes it, and then until
// it is over, which the worker bounds, too.
const (
	testBegin = 10 * time.Second
	testEnd   = 40 * time.Second
	testLook  = 100 * time.Millisecond
)

func (a *api) testRelay(ctx context.Context, in *testRelayInput) (*reply[relays.Test], error) {
	var from, to string
	if in.Body != nil {
		from, to = strings.TrimSpace(in.Body.From), strings.TrimSpace(in.Body.To)
	}
	if err := checkTestMail(from, to); err != nil {
		return nil, err
	}
	epoch, err := relays.AskTest(ctx, a.pool, a.now(), in.Name, from, to)
	if err != nil {
		return nil, err
	}
	a.knock(ctx, slog.LevelWarn, func(ctx context.Context) error { return a.knocker.KnockRelayTest(ctx, in.Name, epoch) }, "relay", in.Name)
	return a.awaitTest(ctx, in.Name, epoch)
}

// awaitTest returns a test when it is over; one that no worker takes, it gives up.
func (a *api) awaitTest(ctx context.Context, relay string, epoch int) (*reply[relays.Test], error) {
	began, tick := time.Now(), time.NewTicker(testLook)
	defer tick.Stop()
	for {
		tests, err := relays.Tests(ctx, a.pool)
		if err != nil {
			return nil, err
		}
		t, found := tests[relay]
		waited := time.Since(began)
		switch {
		case !found:
			return nil, fault.NotFoundf("relay", relay) // deleted meanwhile
		case t.FinishedAt != nil || waited > testBegin+testEnd:
			return ok(t), nil
		case t.BeganAt == nil && waited > testBegin:
			err := relays.EndTest(ctx, a.pool, a.now(), relay, epoch, []relays.Step{{Name: "worker", Reason: "no_worker", Took: waited.Seconds(),
				Detail: "no worker has taken the test; is one running, and is the queue control neither paused nor busy?"}}, true)
			if err != nil {
				return nil, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-a.ending:
			return ok(t), nil
		case <-tick.C:
		}
	}
}

// checkTestMail wants both addresses or neither.
func checkTestMail(from, to string) error {
	if from == "" && to == "" {
		return nil
	}
	var wrong fault.List
	for _, f := range []struct{ field, address, missing string }{
		{"to", to, "is needed with from"}, {"from", from, "is needed with to: an address that the relay may send for"},
	} {
		switch {
		case f.address == "":
			wrong.Add(f.field, "%s", f.missing)
		case !plainAddress(f.address):
			wrong.Add(f.field, "is not an address such as you@shop.example")
		}
	}
	return wrong.Err()
}

// plainAddress reports whether s is an ASCII address as it stands in an SMTP command.
func plainAddress(s string) bool {
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	_, valid := check.Domain(domain)
	return valid
}
