package messages

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"posthorn/postgres"
)

// exportPage is how many messages are in memory at a time.
const exportPage = 1000

var exportHeader = []string{
	"email", "contact_external_id", "state", "reason", "why", "code", "enhanced_code", "detail",
	"attempts", "sent_at", "due_at", "message_id", "queue_id", "run_id",
}

// Export writes all messages that a filter selects, whatever its cursor and limit, as
// CSV with a header, page by page: a million take as much memory as a thousand. A
// message that changes meanwhile is there once, in the one state or the other.
//
// The file is for spreadsheets: it begins with a byte order mark, without which Excel
// does not take it for UTF-8, and no cell is one that they would take for a formula.
func (f Filter) Export(ctx context.Context, db postgres.DB, w io.Writer) error {
	if f.State != "" && !f.State.Valid() {
		return fmt.Errorf("export messages: no state %q", f.State)
	}
	q, err := f.query(ctx, db)
	if err != nil {
		return fmt.Errorf("export messages: %w", err)
	}
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	if err := out.Write(exportHeader); err != nil {
		return err
	}
	for cursor := int64(0); ; {
		list, err := q.page(ctx, db, cursor, exportPage)
		if err != nil {
			return fmt.Errorf("export messages: %w", err)
		}
		for _, m := range list {
			if err := out.Write(m.cells()); err != nil {
				return err
			}
			cursor = m.ID
		}
		if out.Flush(); out.Error() != nil || len(list) < exportPage {
			return out.Error()
		}
	}
}

func (m Message) cells() []string {
	moment := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	code := ""
	if m.Code != 0 {
		code = strconv.Itoa(m.Code)
	}
	cells := []string{
		m.Email, m.ContactExternalID, string(m.State), m.Reason, m.Why, code, m.EnhancedCode, m.Detail,
		strconv.Itoa(m.Attempts), moment(m.SentAt), moment(m.DueAt), m.MessageID, m.QueueID, strconv.FormatInt(m.RunID, 10),
	}
	for i := range cells {
		cells[i] = inert(cells[i])
	}
	return cells
}

// inert is a cell that no spreadsheet takes for a formula: one that would begin like
// it gets an apostrophe in front (OWASP, CSV injection).
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	// Full-width signs are signs to some of them.
	for _, sign := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(cell, sign) {
			return "'" + cell
		}
	}
	return cell
}
