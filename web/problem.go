package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/jackc/pgx/v5/pgconn"

	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/users"
)

// Problem is the body of every answer that is not a success (RFC 9457).
type Problem struct {
	Type      string       `json:"type" example:"about:blank" doc:"Always about:blank: status and title say what kind of problem it is."`
	Title     string       `json:"title" example:"Unprocessable Entity"`
	Status    int          `json:"status" example:"422"`
	Detail    string       `json:"detail,omitempty" example:"sender.address: is not an address" doc:"What was wrong and what to do about it."`
	Field     string       `json:"field,omitempty" example:"sender.address" doc:"The field at fault, where it is exactly one."`
	State     string       `json:"state,omitempty" example:"finished" doc:"409: the present state of the thing."`
	Current   any          `json:"current,omitempty" doc:"409 because somebody else changed the thing meanwhile: as it is now."`
	RequestID string       `json:"request_id,omitempty" example:"3f9c0a5b7d2e4c18" doc:"Also in the X-Request-Id header and in the server's log."`
	Errors    []FieldError `json:"errors,omitempty" doc:"Every field at fault."`

	RetryAfter int `json:"retry_after,omitempty" example:"4" doc:"429: seconds to wait, as in Retry-After."`

	headers http.Header
}

// FieldError is one wrong field.
type FieldError struct {
	Location string `json:"location" example:"sender.address" doc:"Path of the field in the body, e.g. items[3].sku; query.limit or path.id for a parameter."`
	Message  string `json:"message" example:"is not an address"`
}

// Error makes a Problem an error that huma understands.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are sent along with the problem.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType makes the answer application/problem+json.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// huma builds the errors it finds itself (a body that does not fit the schema)
// through these two variables of its package. They belong to this one.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return schemaProblem("", status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return schemaProblem(requestID(ctx.Context()), status, msg, errs)
	}
	huma.ValidateStrictCasing = true // "Name" is not "name", as encoding/json would have it
}

func newProblem(requestID string, status int, detail string) *Problem {
	return &Problem{
		Type:      "about:blank",
		Title:     http.StatusText(status),
		Status:    status,
		Detail:    detail,
		RequestID: requestID,
		headers:   http.Header{},
	}
}

// invalid adds the wrong fields to a 400 or 422.
func (p *Problem) invalid(errs []FieldError) *Problem {
	p.Errors = errs
	switch len(errs) {
	case 0:
	case 1:
		p.Field = errs[0].Location
		p.Detail = errs[0].Message
		if p.Field != "" {
			p.Detail = p.Field + ": " + p.Detail
		}
	default:
		fields := map[string]bool{}
		for _, e := range errs {
			fields[e.Location] = true
		}
		switch len(fields) {
		case 1:
			p.Field = errs[0].Location
			p.Detail = fmt.Sprintf("%d problems, see errors", len(errs))
			if p.Field != "" {
				p.Detail = p.Field + ": " + p.Detail
			}
		case len(errs):
			p.Detail = fmt.Sprintf("%d fields are wrong, see errors", len(errs))
		default:
			p.Detail = fmt.Sprintf("%d problems in %d fields, see errors", len(errs), len(fields))
		}
	}
	return p
}

// missingProperty is how huma words a required field that is not there.
var missingProperty = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// schemaProblem words what huma found: a body that is no JSON, or does not fit
// the schema, or a parameter that does not. The offending values are not sent
// back: they may be passwords or as long as the body.
func schemaProblem(id string, status int, msg string, errs []error) *Problem {
	p := newProblem(id, status, msg)
	switch {
	case msg == "request body is required":
		p.Detail = "the request has no body; a JSON document is expected"
	case status == http.StatusRequestEntityTooLarge:
		var limit int64
		_, _ = fmt.Sscanf(msg, "request body is too large limit=%d bytes", &limit)
		p.Detail = tooLargeDetail(limit)
	case msg == "cannot read request body":
		p.Status, p.Detail = http.StatusBadRequest, "the request body ended before it was complete"
		p.Title = http.StatusText(p.Status)
		return p
	case status >= http.StatusInternalServerError:
		return p
	}
	var fields []FieldError
	for _, err := range errs {
		fe := fieldError(err)
		switch {
		case fe.Location == "" && strings.HasPrefix(fe.Message, "unknown content type"):
			p.Status = http.StatusUnsupportedMediaType
			p.Title = http.StatusText(p.Status)
			p.Detail = "send the body as JSON, with the header Content-Type: application/json"
			return p
		case strings.HasPrefix(fe.Message, brokenJSON):
			p.Status = http.StatusBadRequest
			p.Title = http.StatusText(p.Status)
			p.Detail = fe.Message
			return p
		case located.MatchString(fe.Message):
			m := located.FindStringSubmatch(fe.Message)
			fe = FieldError{Location: m[1], Message: m[2]}
			p.Status = http.StatusUnprocessableEntity
			p.Title = http.StatusText(p.Status)
		}
		fields = append(fields, fe)
	}
	return p.invalid(fields)
}

// fieldError takes huma's error apart. Its locations begin with the part of the
// request; of these "body" is left out, so that a location is what the sender
// wrote.
func fieldError(err error) FieldError {
	var d *huma.ErrorDetail
	if !errors.As(err, &d) {
		return FieldError{Message: err.Error()}
	}
	fe := FieldError{Location: d.Location, Message: d.Message}
	if rest, ok := strings.CutPrefix(fe.Location, "body"); ok {
		fe.Location = strings.TrimPrefix(rest, ".")
	}
	if m := missingProperty.FindStringSubmatch(fe.Message); m != nil {
		if fe.Location != "" {
			fe.Location += "."
		}
		fe.Location += m[1]
		fe.Message = "is required"
	}
	switch fe.Message {
	case validation.MsgUnexpectedProperty:
		fe.Message = "is not a field of this object"
	case validation.MsgExpectedMatchExactlyOneSchema: // Decimal is the only choice of kinds
		fe.Message = "expected a decimal number"
	}
	return fe
}

func tooLargeDetail(limit int64) string {
	return "the request body is too large; this operation takes up to " + bytesText(limit)
}

// retryAfter is what a client is told when Postgres is away, in seconds.
const retryAfter = "5"

// problem turns a handler's error into an answer, and logs it where it is not
// the caller's to mend.
func problem(ctx context.Context, log *slog.Logger, err error) *Problem {
	id := requestID(ctx)
	var (
		done     *Problem
		list     fault.List
		invalid  *fault.Invalid
		notFound *fault.NotFound
		conflict *fault.Conflict
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &done):
		done.RequestID = id
		return done
	case errors.As(err, &tooLarge):
		return newProblem(id, http.StatusRequestEntityTooLarge, tooLargeDetail(tooLarge.Limit))
	case errors.As(err, &list):
		return newProblem(id, http.StatusUnprocessableEntity, "").invalid(fieldErrors(list))
	case errors.As(err, &invalid):
		return newProblem(id, http.StatusUnprocessableEntity, "").invalid(fieldErrors(fault.List{invalid}))
	case errors.As(err, &notFound):
		return newProblem(id, http.StatusNotFound, notFound.Error())
	case errors.As(err, &conflict):
		p := newProblem(id, http.StatusConflict, conflict.Error())
		p.State = conflict.State
		return p
	case errors.Is(ctx.Err(), context.Canceled):
		// The client went away. Nobody reads this answer, and nothing is wrong here.
		return newProblem(id, statusClientClosed, "the client closed the connection")
	}
	if detail := unavailable(err); detail != "" {
		log.WarnContext(ctx, "request not served", "request_id", id, "err", err)
		p := newProblem(id, http.StatusServiceUnavailable, detail)
		p.headers.Set("Retry-After", retryAfter)
		return p
	}
	if detail := refusedText(err); detail != "" {
		return newProblem(id, http.StatusUnprocessableEntity, detail)
	}
	log.ErrorContext(ctx, "request failed", "request_id", id, "err", err)
	return newProblem(id, http.StatusInternalServerError, "something went wrong here; the server's log has more under this request id")
}

// statusClientClosed is nginx's code for a client that did not wait; it only
// ever reaches the access log.
const statusClientClosed = 499

func fieldErrors(list fault.List) []FieldError {
	out := make([]FieldError, len(list))
	for i, e := range list {
		out[i] = FieldError{Location: e.Field, Message: e.Message}
	}
	return out
}

// errRedisAway says that Redis cannot be reached, where it is needed for the answer.
var errRedisAway = errors.New("redis is away")

// errNoRedis is errRedisAway of a server that was given none.
var errNoRedis = fmt.Errorf("%w: none is configured", errRedisAway)

func redisAway(err error) error { return fmt.Errorf("%w: %w", errRedisAway, err) }

// unavailable says what to tell the client where err means "not now": Postgres
// cannot be reached, is starting or stopping, is out of connections, or did not
// answer in time; or Redis cannot be. It is empty for any other error.
func unavailable(err error) string {
	var (
		connectErr *pgconn.ConnectError
		pgErr      *pgconn.PgError
		netErr     net.Error
	)
	const away = "the database cannot be reached at the moment; try again"
	switch {
	case errors.Is(err, errRedisAway):
		return "Redis cannot be reached at the moment, and who is signed in is kept there; try again"
	case errors.Is(err, users.ErrBusy):
		return "too many people sign in at this moment; try again"
	case errors.Is(err, postgres.ErrSchemaOld):
		return "the database's schema is older than this program; it has to be migrated first"
	case postgres.TimedOut(err):
		return "the database took too long to answer; try again, or ask for less"
	case errors.As(err, &pgErr):
		switch {
		case pgErr.Code == "42P01", pgErr.Code == "42703": // undefined table, undefined column
			return "the database's schema does not fit this program; it has to be migrated first"
		case pgErr.Code == "40001", pgErr.Code == "40P01", pgErr.Code == "55P03": // serialization, deadlock, lock timeout
			return "others were changing the same rows; try again"
		case strings.HasPrefix(pgErr.Code, "08"), strings.HasPrefix(pgErr.Code, "57P"), strings.HasPrefix(pgErr.Code, "53"):
			return away // connection trouble; shutting down or starting; out of resources
		}
		return ""
	case errors.As(err, &connectErr), pgconn.SafeToRetry(err):
		return away
	case errors.Is(err, context.DeadlineExceeded):
		return "this took too long and was given up; try again, or ask for less"
	case errors.As(err, &netErr), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF): // it went away amid it
		return away
	}
	return ""
}

// refusedText catches text that Postgres cannot hold and that no check before
// it found.
func refusedText(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && (pgErr.Code == "22021" || pgErr.Code == "22P05") {
		return "the request holds a character that is not valid text (NUL, or broken UTF-8)"
	}
	return ""
}

// writeProblem answers outside huma's handlers.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for k, values := range p.headers {
		w.Header()[k] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
