// Package tasks names the work that goes through Redis and knocks for it.
//
// A knock says "there is something to do for this row" and carries only ids: the
// row in Postgres is the truth. The TaskID is made of the row and its epoch, so
// that knocking twice is harmless: while a knock is still queued, the second one
// is the same task. The worker raises the row's epoch when it begins, so that a
// knock that comes meanwhile is a new task and is not lost.
//
// A knock that fails (Redis is away) or gets lost (Redis was flushed) needs no
// care: the scheduler sweeps due rows and knocks again. That is also why handlers
// log their errors and return nil: asynq's own retries would keep the TaskID
// taken, and an archived task would block it for good.
package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Queues. Each class of work has a server of its own in the worker, because
// asynq's weights do not reserve capacity.
const (
	QueueBulk      = "bulk"      // campaign chunks
	QueueControl   = "control"   // planning, finishing
	QueueEvents    = "events"    // what happened: who enters a journey, and whose steps are due
	QueueTriggered = "triggered" // mails of journeys
	QueueWebhooks  = "webhooks"  // calls of others' servers, which may take their time
)

// Queues lists all, those first whose delay somebody notices first.
var Queues = []string{QueueTriggered, QueueBulk, QueueEvents, QueueControl, QueueWebhooks}

// Task types.
const (
	TypeRun        = "campaign:run"   // plan a run, knock for its chunks, cancel or finish it
	TypeChunk      = "campaign:chunk" // send about 200 mails
	TypeTriggered  = "journey:chunk"  // send mails of a journey
	TypeHappenings = "trigger:eval"   // look at what happened
	TypeJourney    = "journey:step"   // take the steps of a journey that are due
	TypeWebhooks   = "webhook:call"   // make the calls that are due
	TypeRelayTest  = "relay:test"     // try a relay, as a person asked
	TypeImport     = "import:run"     // import a file that was uploaded
)

// queueOf says where each type of task goes.
var queueOf = map[string]string{
	TypeRun: QueueControl, TypeChunk: QueueBulk, TypeTriggered: QueueTriggered,
	TypeHappenings: QueueEvents, TypeJourney: QueueEvents, TypeWebhooks: QueueWebhooks, TypeRelayTest: QueueControl,
	TypeImport: QueueControl,
}

// Kind is a type as figures name it: campaign_run.
func Kind(typ string) string { return strings.ReplaceAll(typ, ":", "_") }

// Row is the payload of every task: which row, and the epoch it had when the
// knock was made.
type Row struct {
	ID    int64  `json:"id"`
	Epoch int    `json:"epoch"`
	Name  string `json:"name,omitempty"` // of a row that has a name for an id: a relay
}

// Client knocks. It is safe for concurrent use.
type Client struct {
	// Failed hears the type of each knock that could not be made, which a sweep makes
	// up for. Set it before the first one; nil: nobody hears.
	Failed func(typ string)

	asynq     *asynq.Client
	inspector *asynq.Inspector
	redis     redis.UniversalClient
}

// allQueues is where asynq keeps the names of its queues.
const allQueues = "asynq:queues"

// NewClient returns a Client over an open connection, which stays the caller's to close.
func NewClient(r redis.UniversalClient) *Client {
	return &Client{asynq: asynq.NewClientFromRedisClient(r), inspector: asynq.NewInspectorFromRedisClient(r), redis: r}
}

// NameQueues tells asynq's inspector that there are our queues. A flush forgets it,
// and tasks go on regardless.
func NameQueues(ctx context.Context, r redis.UniversalClient) error {
	names := make([]any, len(Queues))
	for i, q := range Queues {
		names[i] = q
	}
	if err := r.SAdd(ctx, allQueues, names...).Err(); err != nil {
		return fmt.Errorf("name the queues: %w", err)
	}
	return nil
}

// knockTimeout bounds a knock: a caller behind the API must not hang while Redis is away.
const knockTimeout = 2 * time.Second

// taskTimeout is when asynq gives a handler up. Handlers end long before by
// themselves; asynq would only free the slot while the handler still runs.
const taskTimeout = 30 * time.Minute

// KnockRun asks a worker to look at a run: after its start, resume or cancel, and
// whenever it may go on.
func (c *Client) KnockRun(ctx context.Context, runID int64, epoch int) error {
	return c.knock(ctx, TypeRun, Row{ID: runID, Epoch: epoch})
}

// KnockChunk asks a worker to send a chunk.
func (c *Client) KnockChunk(ctx context.Context, chunkID int64, epoch int) error {
	return c.knock(ctx, TypeChunk, Row{ID: chunkID, Epoch: epoch})
}

// KnockTriggered asks a worker to send a chunk of a journey's mails.
func (c *Client) KnockTriggered(ctx context.Context, chunkID int64, epoch int) error {
	return c.knock(ctx, TypeTriggered, Row{ID: chunkID, Epoch: epoch})
}

// KnockHappenings asks a worker to look at what happened. There is one such task at
// a time; whoever works on it goes on until nothing is left.
func (c *Client) KnockHappenings(ctx context.Context) error {
	return c.knock(ctx, TypeHappenings, Row{})
}

// KnockJourney asks a worker to take the steps of a journey that are due.
func (c *Client) KnockJourney(ctx context.Context, journeyID int64) error {
	return c.knock(ctx, TypeJourney, Row{ID: journeyID})
}

// KnockWebhooks asks workers to make the calls that are due; whoever does goes on
// until none is left.
func (c *Client) KnockWebhooks(ctx context.Context) error {
	return c.knock(ctx, TypeWebhooks, Row{})
}

// KnockImport asks a worker to work on an import.
func (c *Client) KnockImport(ctx context.Context, importID int64, epoch int) error {
	return c.knock(ctx, TypeImport, Row{ID: importID, Epoch: epoch})
}

// KnockRelayTest asks a worker to try a relay.
func (c *Client) KnockRelayTest(ctx context.Context, relay string, epoch int) error {
	return c.knock(ctx, TypeRelayTest, Row{Name: relay, Epoch: epoch})
}

func (c *Client) knock(ctx context.Context, typ string, row Row) error {
	_, err := c.Again(ctx, typ, row)
	return err
}

// Again knocks as the others do, and reports whether no task for this row and epoch
// was queued or in anybody's hands: where one should have been, it was lost.
func (c *Client) Again(ctx context.Context, typ string, row Row) (fresh bool, err error) {
	fresh, err = c.again(ctx, typ, row)
	if err != nil && c.Failed != nil {
		c.Failed(typ)
	}
	return fresh, err
}

func (c *Client) again(ctx context.Context, typ string, row Row) (fresh bool, err error) {
	queue := queueOf[typ]
	payload, err := json.Marshal(row)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	held := false
	for again := range maxAgain {
		id := taskID(typ, row)
		if again > 0 {
			id += fmt.Sprintf(":%d", again)
		}
		_, err = c.asynq.EnqueueContext(ctx, asynq.NewTask(typ, payload),
			asynq.Queue(queue),
			asynq.TaskID(id),
			asynq.Timeout(taskTimeout),
			asynq.MaxRetry(10)) // counts only for tasks whose worker died; asynq hands them out again
		if err == nil {
			return !held, nil
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return false, fmt.Errorf("knock %s: %w", id, err)
		}
		known, err := c.inspector.GetTaskInfo(queue, id)
		if errors.Is(err, asynq.ErrQueueNotFound) {
			// A flush forgot the queue's name, which asynq's client writes but once: without it the inspector sees no task.
			if err := NameQueues(ctx, c.redis); err != nil {
				return false, fmt.Errorf("knock %s: %w", id, err)
			}
			known, err = c.inspector.GetTaskInfo(queue, id)
		}
		switch {
		case errors.Is(err, asynq.ErrTaskNotFound): // gone by now: whoever knocks next will see
			return false, nil
		case err != nil:
			return false, fmt.Errorf("knock %s: look at the task before: %w", id, err)
		case known.State == asynq.TaskStatePending: // still queued
			return false, nil
		case known.State == asynq.TaskStateActive:
			held = true
		}
	}
	return false, nil
}

func taskID(typ string, row Row) string {
	if row.Name != "" {
		return fmt.Sprintf("%s:%s:%d", typ, row.Name, row.Epoch)
	}
	return fmt.Sprintf("%s:%d:%d", typ, row.ID, row.Epoch)
}

// maxAgain bounds the tasks of one row and epoch. A task that is in a worker's
// hands although the row's epoch has not risen was most likely taken by one that
// died before it began. asynq hands it out again only after minutes, and until
// then its id is taken: so the knock is made under another id.
const maxAgain = 4

// ParseRow reads a task's payload.
func ParseRow(t *asynq.Task) (Row, error) {
	var row Row
	if err := json.Unmarshal(t.Payload(), &row); err != nil {
		return Row{}, fmt.Errorf("task %s: payload: %w", t.Type(), err)
	}
	return row, nil
}
