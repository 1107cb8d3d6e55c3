package messages_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/pgtest"
	"posthorn/messages"
)

func TestARecipientIsFound(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 30)
	other := newLedger(t, l.pool, 5)
	l.exec(t, `UPDATE contacts SET external_id = 'Shop_1%' WHERE id = (SELECT contact_id FROM messages WHERE run_id = $1 ORDER BY id LIMIT 1)`, l.run)
	l.exec(t, `UPDATE contacts SET email_key = 'edith@x.example' WHERE id = (SELECT contact_id FROM messages WHERE run_id = $1 ORDER BY id OFFSET 1 LIMIT 1)`, l.run)
	l.exec(t, `UPDATE messages SET contact_id = NULL, email = 'Gone@x.example' WHERE id = (SELECT id FROM messages WHERE run_id = $1 ORDER BY id OFFSET 2 LIMIT 1)`, l.run)
	l.exec(t, `UPDATE messages SET state = 'failed', reason = 'recipient_refused' WHERE id = (SELECT id FROM messages WHERE run_id = $1 ORDER BY id OFFSET 1 LIMIT 1)`, l.run)
	var ids []int64
	all, _, err := messages.List(context.Background(), l.pool, messages.Filter{RunID: l.run})
	if err != nil || len(all) != 30 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for _, m := range all {
		ids = append(ids, m.ID)
		if m.Why == "" || m.Kind != messages.OfCampaign || m.CampaignID == 0 || m.Topic != "news" || m.Relay != "default" {
			t.Errorf("%+v", m)
		}
	}
	for _, tt := range []struct {
		filter messages.Filter
		want   []int64
	}{
		{messages.Filter{Contact: " shop_1% "}, ids[:1]},
		{messages.Filter{Contact: "shop"}, ids[:1]},
		{messages.Filter{Contact: "shopX"}, nil},
		{messages.Filter{Contact: "%"}, nil},
		{messages.Filter{Contact: "Edith@"}, ids[1:2]},
		{messages.Filter{Contact: "Edith@", State: messages.Failed}, ids[1:2]},
		{messages.Filter{Contact: "Edith@", Reason: "suppressed"}, nil},
		{messages.Filter{Contact: "gone@X"}, ids[2:3]},
		{messages.Filter{Contact: "a\x00"}, nil},
		{messages.Filter{Reason: "recipient_refused"}, ids[1:2]},
		{messages.Filter{Cursor: ids[27]}, ids[28:]},
		{messages.Filter{Contact: "Edith@", RunID: other.run}, nil},
	} {
		if tt.filter.RunID == 0 {
			tt.filter.RunID = l.run
		}
		list, _, err := messages.List(context.Background(), l.pool, tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, m := range list {
			got = append(got, m.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.filter, got, tt.want)
		}
	}
}

// forgetful keeps nothing but how much it took, and how much at a time.
type forgetful struct{ total, most int }

func (f *forgetful) Write(p []byte) (int, error) {
	f.total, f.most = f.total+len(p), max(f.most, len(p))
	return len(p), nil
}

func TestExport(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t), 2500)
	newLedger(t, l.pool, 20)
	l.exec(t, `UPDATE contacts SET external_id = '=cmd|calc!' || external_id WHERE id IN (SELECT contact_id FROM messages WHERE run_id = $1 ORDER BY id LIMIT 1)`, l.run)
	l.exec(t, `UPDATE messages SET state = 'failed', reason = 'recipient_refused', code = 550, detail = E'say "no",\n@you' WHERE id IN (SELECT id FROM messages WHERE run_id = $1 ORDER BY id LIMIT 1)`, l.run)
	l.exec(t, `UPDATE messages SET state = 'sent', sent_at = $2, queue_id = '-1' WHERE id IN (SELECT id FROM messages WHERE run_id = $1 ORDER BY id OFFSET 1 LIMIT 1)`, l.run, start)
	var out bytes.Buffer
	filter := messages.Filter{RunID: l.run}
	if err := filter.Export(context.Background(), l.pool, &out); err != nil {
		t.Fatal(err)
	}
	text, found := strings.CutPrefix(out.String(), "\ufeff")
	if !found {
		t.Error("Excel would not take it for UTF-8")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2501 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	for _, row := range rows[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	first, second := rows[1], rows[2]
	if !strings.HasPrefix(first[column("contact_external_id")], "'=cmd") || first[column("state")] != "failed" || first[column("code")] != "550" || first[column("detail")] != "say \"no\",\n@you" {
		t.Errorf("%q", first)
	}
	if second[column("sent_at")] != start.Format(time.RFC3339) || second[column("queue_id")] != "'-1" || !strings.HasPrefix(second[column("why")], "Sent on") {
		t.Errorf("%q", second)
	}
	ids := map[string]bool{}
	for _, row := range rows[1:] {
		ids[row[column("message_id")]] = true
	}
	if len(ids) != 2500 {
		t.Errorf("%d different messages", len(ids))
	}

	out.Reset()
	filter.State = messages.Failed
	if err := filter.Export(context.Background(), l.pool, &out); err != nil || strings.Count(out.String(), "recipient_refused") != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
	filter.State = "lost"
	if err := filter.Export(context.Background(), l.pool, io.Discard); err == nil {
		t.Error("no error for a state that is none")
	}
	var f forgetful
	if err := (messages.Filter{RunID: l.run}).Export(context.Background(), l.pool, &f); err != nil || f.most > 64<<10 || f.total < 250_000 {
		t.Errorf("%+v, %v: it does not come piece by piece", f, err)
	}
}
