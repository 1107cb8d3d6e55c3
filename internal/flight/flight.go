// Package flight is the flight recorder: it tells, after a worker died, which of
// the mails it had claimed were answered, which were never offered, and which
// single one is in doubt.
//
// SMTP has no transactions: between the final dot and the relay's answer nobody
// can know whether a mail was accepted. Recording each outcome in Postgres before
// the next mail would narrow the doubt to one mail, at the price of a commit per
// mail. The recorder does the same in Redis for the price of one small write:
//
//  1. Begin opens the record of a claim, before the claim is made.
//  2. Offer says, before each mail is offered, which one is next, and carries the
//     outcome of the one before.
//  3. Close removes the record when the outcomes are in Postgres.
//
// When the lease of a dead worker's chunk runs out, Seize takes the record. Rows
// with an outcome get it, the one that was offered last is in doubt, the others
// were never offered and are sent by another worker.
//
// Redis may lose a record, in whole or in part, and must not be believed then: an
// old record would let mails be sent twice. So it carries how many outcomes it
// holds and the run_id of the Redis server it began on, which changes with every
// restart and failover; where either does not fit, the record counts as lost, and
// all rows of the claim are in doubt.
//
// Seize also fences: a worker that was only slow finds its record gone at its next
// Offer, or at its next Begin that its lease was judged, and stops before it offers
// what is another's by now.
package flight

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrLost says that the record is gone or was taken: nothing more may be offered
// under it.
var ErrLost = errors.New("flight: the record was lost")

// keep bounds how long a record outlives everybody who knew of it.
const keep = 24 * time.Hour

// Fields of a record besides the outcomes, which are under their message's id.
const (
	fieldRunID   = "run_id"
	fieldOffered = "offered"
	fieldCount   = "count"
	fieldSeized  = "seized" // in what Seize took, so that there is something also where there was no record
)

// Recorder keeps records. It is safe for concurrent use.
type Recorder struct {
	redis  redis.UniversalClient
	offers hashSetter
	mu     sync.Mutex
	runID  string // of the server, as last seen
}

// hashSetter writes offers: those of all connections that come while one is under
// way go together in the next round trip, which halves what they cost here and in
// Redis. Each still waits for its own answer.
type hashSetter interface {
	HSet(ctx context.Context, key string, values ...any) *redis.IntCmd
}

// NewRecorder returns a recorder on r.
func NewRecorder(r redis.UniversalClient) *Recorder {
	rec := &Recorder{redis: r, offers: r}
	if together, err := r.AutoPipeline(); err == nil { // it fails on a closed client, as everything will
		rec.offers = together
	}
	return rec
}

// Record is the record of one claim. It is for one goroutine.
type Record struct {
	recorder *Recorder
	key      string
	count    int
}

const seizedSuffix = ":seized"

func key(chunkID int64, epoch int) string {
	return fmt.Sprintf("posthorn:flight:{%d:%d}", chunkID, epoch)
}

// Begin opens the record of the claim that is about to be made under this lease,
// in place of the claim's before it. It returns ErrLost where the lease was seized
// meanwhile: whoever settles it does not know of a new record.
func (r *Recorder) Begin(ctx context.Context, chunkID int64, epoch int) (*Record, error) {
	rec := &Record{recorder: r, key: key(chunkID, epoch)}
	r.mu.Lock()
	runID := r.runID
	r.mu.Unlock()
	for range 3 { // the server's id must be known before it can be written, and may change meanwhile
		pipe := r.redis.Pipeline()
		pipe.Del(ctx, rec.key)
		written := pipe.HSet(ctx, rec.key, fieldRunID, runID, fieldOffered, 0, fieldCount, 0)
		pipe.Expire(ctx, rec.key, keep)
		// After the write: a Seize that comes before it is seen here, one that comes after it takes this record along.
		seized := pipe.Exists(ctx, rec.key+seizedSuffix)
		info := pipe.InfoMap(ctx, "server")
		_, _ = pipe.Exec(ctx) // its error is one of the commands'
		seen, err := serverID(info)
		if err := errors.Join(written.Err(), seized.Err(), err); err != nil {
			return nil, fmt.Errorf("flight: begin: %w", err)
		}
		if seized.Val() > 0 {
			_ = r.redis.Del(ctx, rec.key).Err()
			return nil, ErrLost
		}
		if seen == runID {
			return rec, nil
		}
		runID = seen
		r.mu.Lock()
		r.runID = runID
		r.mu.Unlock()
	}
	return nil, errors.New("flight: begin: the Redis server changes its run_id at every look")
}

// Outcome is what became of a message, in a form only the caller reads.
type Outcome struct {
	MessageID int64
	Data      []byte
}

// Offer notes that a message is offered next, and the outcome of the one before
// (nil: there was none, or it was not offered after all). It returns ErrLost where
// the record is not there any more; then the message must not be offered.
func (rec *Record) Offer(ctx context.Context, messageID int64, before *Outcome) error {
	fields := []any{fieldOffered, messageID}
	var added int64
	if before != nil {
		rec.count++
		added = 1
		fields = append(fields, fieldCount, rec.count, strconv.FormatInt(before.MessageID, 10), before.Data)
	}
	n, err := rec.recorder.offers.HSet(ctx, rec.key, fields...).Result()
	if err != nil {
		return fmt.Errorf("flight: offer: %w", err)
	}
	if n != added { // fields that were there are new: the record was lost, and this write made a stump of one
		_ = rec.recorder.redis.Del(ctx, rec.key).Err()
		return ErrLost
	}
	return nil
}

// Close removes the record, once the outcomes are in Postgres.
func (rec *Record) Close(ctx context.Context) error {
	return rec.recorder.redis.Del(ctx, rec.key).Err()
}

// Account is what a record tells about a claim.
type Account struct {
	Lost     bool             // nothing can be told
	Offered  int64            // the message offered last; 0: none was
	Outcomes map[int64][]byte // by message id
}

// Seize takes a record away from its worker and reads it. It may be called again
// until Forget. Its error says that Redis could not be asked, which is not the
// same as a lost record: try later.
func (r *Recorder) Seize(ctx context.Context, chunkID int64, epoch int) (Account, error) {
	from, to := key(chunkID, epoch), key(chunkID, epoch)+seizedSuffix
	// RENAME is the fence. A stump that a slow worker left behind must not replace what was seized before.
	if err := r.redis.RenameNX(ctx, from, to).Err(); err != nil && !strings.Contains(err.Error(), "no such key") {
		return Account{}, fmt.Errorf("flight: seize: %w", err)
	}
	pipe := r.redis.Pipeline()
	marked := pipe.HSet(ctx, to, fieldSeized, 1)
	pipe.Expire(ctx, to, keep)
	record := pipe.HGetAll(ctx, to)
	pipe.Del(ctx, from)
	info := pipe.InfoMap(ctx, "server")
	_, _ = pipe.Exec(ctx) // its error is one of the commands'
	runID, err := serverID(info)
	if err := errors.Join(marked.Err(), record.Err(), err); err != nil {
		return Account{}, fmt.Errorf("flight: seize: %w", err)
	}
	return read(record.Val(), runID), nil
}

// serverID returns the server's run_id. The in-process Redis of the demo has none
// and needs none: it ends with the worker whose records it holds.
func serverID(info *redis.InfoCmd) (string, error) {
	if err := info.Err(); err != nil {
		if strings.Contains(err.Error(), "not supported") {
			return "", nil
		}
		return "", err
	}
	return info.Item("Server", "run_id"), nil
}

// read checks a record against itself and the server's present run_id.
func read(fields map[string]string, runID string) Account {
	lost := Account{Lost: true}
	if len(fields) == 0 || fields[fieldRunID] != runID {
		return lost
	}
	a := Account{Outcomes: map[int64][]byte{}}
	count := -1
	for name, value := range fields {
		var err error
		switch name {
		case fieldRunID, fieldSeized:
		case fieldOffered:
			a.Offered, err = strconv.ParseInt(value, 10, 64)
		case fieldCount:
			count, err = strconv.Atoi(value)
		default:
			var id int64
			id, err = strconv.ParseInt(name, 10, 64)
			a.Outcomes[id] = []byte(value)
		}
		if err != nil {
			return lost
		}
	}
	if count != len(a.Outcomes) {
		return lost
	}
	return a
}

// Forget removes a seized record, once what it told is in Postgres.
func (r *Recorder) Forget(ctx context.Context, chunkID int64, epoch int) error {
	return r.redis.Del(ctx, key(chunkID, epoch)+seizedSuffix).Err()
}
