package queues

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/tasks"
)

// State is where a task stands, in asynq's words.
type State string

const (
	Pending  State = "pending"
	Active   State = "active"
	Retry    State = "retry"    // its worker died; it is handed out again at NextAt
	Archived State = "archived" // dead: its worker died too often
)

// Task is a task of a queue. What it is about is a row: which one depends on its type.
type Task struct {
	ID           string     `json:"id"`
	Type         string     `json:"type" example:"campaign:chunk"`
	Row          int64      `json:"row" doc:"The row it is about: a run, a chunk, a journey. 0: whatever is due."`
	Name         string     `json:"name,omitempty" doc:"relay:test: the relay."`
	State        State      `json:"state"`
	Retried      int        `json:"retried" doc:"How often its worker died."`
	MaxRetry     int        `json:"max_retry" doc:"After as many times it is dead."`
	LastError    string     `json:"last_error,omitempty" doc:"Without addresses."`
	LastFailedAt *time.Time `json:"last_failed_at"`
	NextAt       *time.Time `json:"next_at" doc:"retry: when it is handed out again."`
}

// Tasks lists the tasks of a queue in a state. page counts from 1; more says that
// there is another. A task that moves on meanwhile may be seen on no page, or on two.
func (d *Desk) Tasks(ctx context.Context, queue string, state State, page, limit int) (list []Task, more bool, err error) {
	if err := exists(queue); err != nil {
		return nil, false, err
	}
	ask := map[State]func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		Pending: d.inspector.ListPendingTasks, Active: d.inspector.ListActiveTasks,
		Retry: d.inspector.ListRetryTasks, Archived: d.inspector.ListArchivedTasks,
	}[state]
	if ask == nil {
		return nil, false, fault.Invalidf("state", "must be pending, active, retry or archived")
	}
	if err := d.ask(ctx); err != nil {
		return nil, false, err
	}
	infos, err := ask(queue, asynq.PageSize(limit), asynq.Page(page))
	if err != nil {
		return nil, false, fmt.Errorf("queues: list tasks of %s: %w", queue, err)
	}
	list = make([]Task, len(infos))
	for i, info := range infos {
		list[i] = taskOf(info)
	}
	return list, len(infos) == limit, nil
}

func taskOf(info *asynq.TaskInfo) Task {
	t := Task{ID: info.ID, Type: info.Type, State: State(info.State.String()), Retried: info.Retried, MaxRetry: info.MaxRetry,
		LastError: check.WithoutAddresses(info.LastErr), LastFailedAt: moment(info.LastFailedAt)}
	if t.State == Retry {
		t.NextAt = moment(info.NextProcessAt)
	}
	t.Row, t.Name = rowOf(info.Type, info.Payload)
	return t
}

// rowOf is the row that a task is about; none where somebody else made the task.
func rowOf(typ string, payload []byte) (id int64, name string) {
	row, err := tasks.ParseRow(asynq.NewTask(typ, payload))
	if err != nil {
		return 0, ""
	}
	return row.ID, row.Name
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Run has a task that waits for its time, or is dead, taken as soon as a worker is
// free. It is a fault.NotFound where there is none, and a fault.Conflict where it is
// taken already.
func (d *Desk) Run(ctx context.Context, queue, id string) error {
	return d.change(ctx, queue, id, "run", d.inspector.RunTask)
}

// Delete removes a task that nobody works on. The row that it was about stays: what
// is due for it is knocked for again by the next sweep.
func (d *Desk) Delete(ctx context.Context, queue, id string) error {
	return d.change(ctx, queue, id, "delete", d.inspector.DeleteTask)
}

func (d *Desk) change(ctx context.Context, queue, id, what string, do func(queue, id string) error) error {
	if err := exists(queue); err != nil {
		return err
	}
	if err := d.ask(ctx); err != nil {
		return err
	}
	err := do(queue, id)
	d.forget()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, asynq.ErrTaskNotFound):
		return fault.NotFoundf("task", id)
	}
	// asynq has no error of its own for a task that is pending or active.
	if info, lookErr := d.inspector.GetTaskInfo(queue, id); lookErr == nil && (info.State == asynq.TaskStatePending || info.State == asynq.TaskStateActive) {
		return fault.Conflictf(info.State.String(), "cannot %s the task: it is %s", what, info.State)
	}
	return fmt.Errorf("queues: %s task %s: %w", what, id, err)
}

// RunAll is Run for all tasks of a queue in a state, Retry or Archived. It returns how many there were.
func (d *Desk) RunAll(ctx context.Context, queue string, state State) (int, error) {
	return d.changeAll(ctx, queue, "run", map[State]func(string) (int, error){
		Retry: d.inspector.RunAllRetryTasks, Archived: d.inspector.RunAllArchivedTasks,
	}[state])
}

// DeleteAll is Delete for all tasks of a queue in a state, Retry or Archived. It returns how many there were.
func (d *Desk) DeleteAll(ctx context.Context, queue string, state State) (int, error) {
	return d.changeAll(ctx, queue, "delete", map[State]func(string) (int, error){
		Retry: d.inspector.DeleteAllRetryTasks, Archived: d.inspector.DeleteAllArchivedTasks,
	}[state])
}

func (d *Desk) changeAll(ctx context.Context, queue, what string, do func(string) (int, error)) (int, error) {
	if err := exists(queue); err != nil {
		return 0, err
	}
	if do == nil {
		return 0, fault.Invalidf("state", "must be retry or archived")
	}
	if err := d.ask(ctx); err != nil {
		return 0, err
	}
	n, err := do(queue)
	d.forget()
	if err != nil {
		return 0, fmt.Errorf("queues: %s tasks of %s: %w", what, queue, err)
	}
	return n, nil
}
