package imports

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/clock"
	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func count(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) (n int64) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func upload(t *testing.T, pool *pgxpool.Pool, now func() time.Time, in New, file string) (Import, Knock) {
	t.Helper()
	if in.Kind == "" {
		in.Kind = Contacts
	}
	imp, k, err := Upload(t.Context(), pool, now, in, strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return imp, k
}

func run1(t *testing.T, pool *pgxpool.Pool, now func() time.Time, id int64) Import {
	t.Helper()
	imp, mine, err := Run(t.Context(), pool, now, id)
	if err != nil || !mine {
		t.Fatal(mine, err)
	}
	return imp
}

func rejects(t *testing.T, pool *pgxpool.Pool, id int64) string {
	t.Helper()
	var out bytes.Buffer
	if err := Rejects(t.Context(), pool, id, &out); err != nil {
		t.Fatal(err)
	}
	text, found := strings.CutPrefix(out.String(), "\ufeff")
	if !found {
		t.Error("a file without a byte order mark")
	}
	return text
}

func TestImport(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	file := "Nr;Mail;Name;Secret\n1;one@x.example;One;s\n2;nobody;Two;s\n3;three@x.example;Three;s\n"
	in := New{FileName: `C:\dir\customers<b>.csv`, CreatedBy: "Ada", Options: Options{Map: map[string]string{"external_id": "Nr", "email": "Mail", "first_name": "Name"}, Skip: []string{"Secret"}, Topic: "news", Source: "the fair"}}
	imp, k := upload(t, pool, c.Now, in, file)
	want := Import{ID: 1, Kind: Contacts, FileName: "customers<b>.csv", Options: in.Options, State: Waiting, CreatedBy: "Ada", Size: int64(len(file)), Rejects: []csvimport.Reject{}, CreatedAt: noon}
	if diff := cmp.Diff(want, imp); diff != "" || k != (Knock{ID: 1}) {
		t.Error(diff, k)
	}
	if due, err := Due(t.Context(), pool, noon); err != nil || cmp.Diff([]Knock{k}, due) != "" {
		t.Error(due, err)
	}

	c.Advance(time.Second)
	at := c.Now()
	expires := at.Add(keepRejects)
	imp = run1(t, pool, c.Now, k.ID)
	want.State, want.ReadShare, want.Rows, want.Rejected, want.Settled, want.Created, want.HasRejects = Done, 1, 3, 1, 2, 2, true
	want.Rejects = []csvimport.Reject{{Line: 3, Field: "email", Reason: "is not an address: there is no @"}}
	want.StartedAt, want.FinishedAt, want.ExpiresAt = &at, &at, &expires
	if diff := cmp.Diff(want, imp); diff != "" {
		t.Error(diff)
	}
	if n := count(t, pool, `SELECT count(*) FROM consents WHERE topic = 'news' AND source = 'the fair'`); n != 2 {
		t.Errorf("%d consents", n)
	}
	if n := count(t, pool, `SELECT count(*) FROM import_chunks WHERE part = 'file'`); n != 0 {
		t.Error("the file is kept after it was imported")
	}
	if due, err := Due(t.Context(), pool, at); err != nil || len(due) != 0 {
		t.Error(due, err)
	}
	if _, mine, err := Run(t.Context(), pool, c.Now, k.ID); mine || err != nil {
		t.Error("it was imported again", err)
	}

	// Mended, the rejected rows are imported as they are.
	mended := strings.Replace(rejects(t, pool, 1), "nobody", "two@x.example", 1)
	if strings.Contains(mended, "Secret") {
		t.Errorf("what was skipped is there: %s", mended)
	}
	_, k = upload(t, pool, c.Now, New{Kind: Contacts}, mended)
	if imp := run1(t, pool, c.Now, k.ID); imp.Created != 1 || imp.Rejected != 0 || imp.HasRejects || imp.ExpiresAt != nil {
		t.Errorf("%+v", imp)
	}

	// After two weeks the rejected rows go, after which there is nothing to download.
	c.Advance(keepRejects)
	if err := Tidy(t.Context(), pool, c.Now()); err != nil || count(t, pool, `SELECT count(*) FROM import_chunks`) != 0 {
		t.Error(err)
	}
	var missing *fault.NotFound
	if err := Rejects(t.Context(), pool, 1, &bytes.Buffer{}); !errors.As(err, &missing) {
		t.Error(err)
	}
	list, next, err := List(t.Context(), pool, 0, 1)
	if err != nil || len(list) != 1 || list[0].ID != 2 || next != 2 {
		t.Error(list, next, err)
	}
	if list, next, err = List(t.Context(), pool, next, 1); err != nil || len(list) != 1 || list[0].ID != 1 || list[0].HasRejects || next != 0 {
		t.Error(list, next, err)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("sku,name\nA,Apple\nB,Bee\n"))
	_ = z.Close()
	for _, test := range []struct {
		kind    Kind
		file    string
		created int64
	}{
		{Contacts, "id\n1\n", 1}, {Products, zipped.String(), 2}, {Orders, "order_id,customer_id,date,sku,qty,price\nO,1,2026-01-01,A,1,2\nO,1,2026-01-01,B,1,2\n", 1},
	} {
		_, k := upload(t, pool, c.Now, New{Kind: test.kind}, test.file)
		if imp := run1(t, pool, c.Now, k.ID); imp.State != Done || imp.Created != test.created || imp.Size != int64(len(test.file)) {
			t.Errorf("%s: %+v", test.kind, imp)
		}
	}
}

// Files of several pieces are put together again, whatever is in them.
func TestPieces(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,noise")
	r := clock.NewFake(noon)
	x := uint64(1)
	for i := range 30_000 { // noise does not get smaller
		fmt.Fprintf(&file, "%d,", i)
		for range 8 {
			x = x*6364136223846793005 + 1442695040888963407
			fmt.Fprintf(&file, "%016x", x)
		}
		fmt.Fprintln(&file)
	}
	_, k := upload(t, pool, r.Now, New{}, file.String())
	if n := count(t, pool, `SELECT count(*) FROM import_chunks`); n < 2 {
		t.Errorf("%d pieces", n)
	}
	if imp := run1(t, pool, r.Now, k.ID); imp.Created != 30_000 || imp.Rejected != 0 {
		t.Errorf("%+v", imp)
	}
}

func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	for _, test := range []struct {
		in    New
		file  string
		field string
	}{
		{New{Kind: "shoes"}, "id\n1\n", "kind"}, {New{Kind: Contacts}, "name\nx\n", "columns"}, {New{Kind: Contacts}, "", "file"}, {New{Kind: Contacts}, "\x1f\x8bnope", "file"},
		{New{Kind: Contacts, Options: Options{Topic: "no topic"}}, "id\n1\n", "topic"}, {New{Kind: Products, Options: Options{Topic: "news"}}, "sku\n1\n", "topic"},
		{New{Kind: Contacts, Options: Options{Source: strings.Repeat("x", 201)}}, "id\n1\n", "source"}, {New{Kind: Orders, Options: Options{Map: map[string]string{"sku": "x"}}}, "order_id\n1\n", "map"},
	} {
		_, _, err := Upload(t.Context(), pool, c.Now, test.in, strings.NewReader(test.file))
		if field, _, ok := csvimport.Explain(err); !ok || field != test.field {
			t.Errorf("%+v: %v, want one about %s", test.in, err, test.field)
		}
	}
	// What breaks off leaves nothing behind.
	broken := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("id\n1\n")))
	if _, _, err := Upload(t.Context(), pool, c.Now, New{Kind: Contacts}, broken); err == nil {
		t.Error("a broken upload was taken")
	}
	long := strings.NewReader("id\n" + strings.Repeat("1\n", headSize))
	if _, _, err := Upload(t.Context(), pool, c.Now, New{Kind: Contacts}, iotest.TimeoutReader(long)); err == nil {
		t.Error("a broken upload was taken")
	}
	if n := count(t, pool, `SELECT count(*) FROM imports`); n != 0 {
		t.Errorf("%d imports are left", n)
	}
	// An upload that nobody completes, as its process died, goes after a while.
	if _, err := pool.Exec(t.Context(), `INSERT INTO imports (kind, options, created_at, updated_at) VALUES ('contacts', '{}', $1, $1)`, noon); err != nil {
		t.Fatal(err)
	}
	if err := Tidy(t.Context(), pool, noon.Add(keepUpload)); err != nil || count(t, pool, `SELECT count(*) FROM imports`) != 1 {
		t.Error("it went too early", err)
	}
	if err := Tidy(t.Context(), pool, noon.Add(keepUpload+time.Second)); err != nil || count(t, pool, `SELECT count(*) FROM imports`) != 0 {
		t.Error("it stays", err)
	}
}

// many is a file of n contacts, of whom every tenth is wrong.
func many(n int) string {
	var b strings.Builder
	b.WriteString("id,email\n")
	for i := range n {
		if i%10 == 9 {
			fmt.Fprintf(&b, "%d,nobody\n", i)
		} else {
			fmt.Fprintf(&b, "%d,c%d@x.example\n", i, i)
		}
	}
	return b.String()
}

// A process that dies in the middle leaves an import that another one ends, with
// counts as if nothing had been.
func TestAnotherGoesOn(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	_, k := upload(t, pool, c.Now, New{}, many(20_000))

	dying := &run{pool: pool, now: c.Now, id: k.ID}
	if claimed, err := dying.claim(t.Context()); !claimed || err != nil {
		t.Fatal(claimed, err)
	}
	ctx, die := context.WithCancel(t.Context())
	dying.noted = func(p csvimport.Progress) {
		if p.Stored > 0 {
			die()
		}
	}
	if _, err := dying.do(ctx); err == nil {
		t.Fatal("it did not die")
	}
	before, err := Get(t.Context(), pool, k.ID)
	if err != nil || before.State != Running || before.Created == 0 || before.Created >= 18_000 || count(t, pool, `SELECT count(*) FROM contacts`) != before.Created {
		t.Fatalf("%+v %v", before, err)
	}
	if due, err := Due(t.Context(), pool, c.Now()); err != nil || len(due) != 0 {
		t.Error("nobody knows yet that it died", due, err)
	}
	if _, mine, err := Run(t.Context(), pool, c.Now, k.ID); mine || err != nil {
		t.Error("another one has it before the lease is out", err)
	}
	c.Advance(Lease + time.Second)
	if due, err := Due(t.Context(), pool, c.Now()); err != nil || len(due) != 1 || due[0].Epoch != 1 {
		t.Error(due, err)
	}
	imp := run1(t, pool, c.Now, k.ID)
	if imp.State != Done || imp.Created != 18_000 || imp.Updated != 0 || imp.Unchanged != 0 || imp.Rejected != 2_000 || imp.Rows != 20_000 || imp.Settled != 18_000 {
		t.Errorf("%+v", imp)
	}
	list, err := csv.NewReader(strings.NewReader(rejects(t, pool, k.ID))).ReadAll()
	if err != nil || len(list) != 2_001 || len(imp.Rejects) != showRejects {
		t.Errorf("%d rejected rows, %d shown, %v", len(list)-1, len(imp.Rejects), err)
	}

	// The first one was not dead after all. It cannot write any more, nor end the import.
	dying.noted = nil
	if _, err := dying.do(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("a worker without a lease: %v", err)
	}
	if err := dying.done(t.Context(), csvimport.Summary{}); !errors.Is(err, errLost) {
		t.Errorf("a worker without a lease: %v", err)
	}
	if again, err := Get(t.Context(), pool, k.ID); err != nil || again.Created != 18_000 || again.State != Done {
		t.Errorf("%+v %v", again, err)
	}
}

// A worker that is asked to end gives the import back, and that costs no attempt.
func TestStops(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	_, k := upload(t, pool, c.Now, New{}, many(3_000))
	for range maxAttempts + 2 {
		ended, cancel := context.WithCancel(t.Context())
		r := &run{pool: pool, now: c.Now, id: k.ID}
		if claimed, err := r.claim(ended); !claimed || err != nil {
			t.Fatal(claimed, err)
		}
		cancel()
		if err := r.release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if imp := run1(t, pool, c.Now, k.ID); imp.State != Done || imp.Created != 2_700 {
		t.Errorf("%+v", imp)
	}
}

// An import that ends its process again and again is given up, and says what it kept.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	_, k := upload(t, pool, c.Now, New{}, many(100))
	for range maxAttempts {
		if claimed, err := (&run{pool: pool, now: c.Now, id: k.ID}).claim(t.Context()); !claimed || err != nil {
			t.Fatal(claimed, err)
		}
		c.Advance(Lease + time.Second)
	}
	if _, mine, err := Run(t.Context(), pool, c.Now, k.ID); mine || err != nil {
		t.Error(mine, err)
	}
	imp, err := Get(t.Context(), pool, k.ID)
	if err != nil || imp.State != Failed || !strings.Contains(imp.Reason, "5 times") || !imp.Retryable {
		t.Errorf("%+v %v", imp, err)
	}
	if _, _, err := Retry(t.Context(), pool, c.Now(), k.ID); err != nil {
		t.Fatal(err)
	}
	if imp := run1(t, pool, c.Now, k.ID); imp.State != Done || imp.Created != 90 || imp.Reason != "" {
		t.Errorf("%+v", imp)
	}
}

func TestFailsOfItsFile(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	x := uint64(1)
	fmt.Fprintln(z, "id,noise")
	for i := range 200_000 {
		x = x*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(z, "%d,%016x\n", i, x)
	}
	_ = z.Close()
	_, k := upload(t, pool, c.Now, New{}, zipped.String()[:zipped.Len()-20])
	imp := run1(t, pool, c.Now, k.ID)
	if imp.State != Failed || !strings.HasPrefix(imp.Reason, "the file cannot be read beyond line ") || imp.Created != 0 || !imp.Retryable || imp.FinishedAt == nil {
		t.Errorf("%+v", imp)
	}
	c.Advance(keepFile)
	if err := Tidy(t.Context(), pool, c.Now()); err != nil {
		t.Fatal(err)
	}
	if imp, err := Get(t.Context(), pool, k.ID); err != nil || imp.Retryable || imp.ExpiresAt != nil {
		t.Errorf("%+v %v", imp, err)
	}
	var conflict *fault.Conflict
	if _, _, err := Retry(t.Context(), pool, c.Now(), k.ID); !errors.As(err, &conflict) || conflict.State != "failed" {
		t.Errorf("without its file: %v", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	_, k := upload(t, pool, c.Now, New{}, many(20_000))
	r := &run{pool: pool, now: c.Now, id: k.ID}
	if claimed, err := r.claim(t.Context()); !claimed || err != nil {
		t.Fatal(claimed, err)
	}
	r.noted = func(p csvimport.Progress) {
		if p.Stored > 0 && r.noted != nil {
			r.noted = nil
			if _, err := Cancel(t.Context(), pool, c.Now(), k.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := r.do(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("it went on: %v", err)
	}
	imp, err := Get(t.Context(), pool, k.ID)
	if err != nil || imp.State != Cancelled || imp.Created == 0 || imp.Created != count(t, pool, `SELECT count(*) FROM contacts`) || !imp.Retryable {
		t.Errorf("%+v %v", imp, err)
	}
	var conflict *fault.Conflict
	if _, err := Cancel(t.Context(), pool, c.Now(), k.ID); !errors.As(err, &conflict) || conflict.State != "cancelled" {
		t.Errorf("twice: %v", err)
	}
	if _, _, err := Retry(t.Context(), pool, c.Now(), k.ID); err != nil {
		t.Fatal(err)
	}
	if imp := run1(t, pool, c.Now, k.ID); imp.State != Done || imp.Created != 18_000 || imp.Unchanged != 0 {
		t.Errorf("%+v", imp)
	}
	var missing *fault.NotFound
	if _, err := Cancel(t.Context(), pool, c.Now(), 99); !errors.As(err, &missing) {
		t.Errorf("none: %v", err)
	}
	if _, _, err := Retry(t.Context(), pool, c.Now(), k.ID); !errors.As(err, &conflict) || conflict.State != "done" {
		t.Errorf("one that is done: %v", err)
	}
}

// The states and who may do what in each.
func TestStates(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	later := noon.Add(time.Hour)
	for _, test := range []struct {
		state                State
		lease, expires       *time.Time
		claim, cancel, retry bool
	}{
		{state: Uploading}, {state: Waiting, claim: true, cancel: true}, {state: Running, lease: &later, cancel: true}, {state: Running, lease: &noon, claim: true, cancel: true},
		{state: Done}, {state: Done, expires: &later}, {state: Failed}, {state: Failed, expires: &later, retry: true}, {state: Cancelled, expires: &later, retry: true}, {state: Cancelled},
	} {
		make := func() (id int64) {
			err := pool.QueryRow(t.Context(), `INSERT INTO imports (kind, options, state, lease_until, expires_at, created_at, updated_at) VALUES ('contacts', '{}', $1, $2, $3, $4, $4) RETURNING id`, test.state, test.lease, test.expires, noon).Scan(&id)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		now := func() time.Time { return noon.Add(time.Second) }
		claimed, err := (&run{pool: pool, now: now, id: make()}).claim(t.Context())
		if claimed != test.claim || err != nil {
			t.Errorf("%+v: claimed %v, %v", test, claimed, err)
		}
		if _, err := Cancel(t.Context(), pool, now(), make()); (err == nil) != test.cancel {
			t.Errorf("%+v: cancel: %v", test, err)
		}
		if _, _, err := Retry(t.Context(), pool, now(), make()); (err == nil) != test.retry {
			t.Errorf("%+v: retry: %v", test, err)
		}
	}
}

func TestTooManyRejects(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := clock.NewFake(noon)
	_, k := upload(t, pool, c.Now, New{}, many(1000))
	r := &run{pool: pool, now: c.Now, id: k.ID}
	if claimed, err := r.claim(t.Context()); !claimed || err != nil {
		t.Fatal(claimed, err)
	}
	f := newRejectFile(t.Context(), r)
	f.left = 5
	for _, line := range []string{"abc\n", "too much\n", "x\n"} {
		if n, err := f.Write([]byte(line)); n != len(line) || err != nil {
			t.Error(n, err)
		}
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE imports SET rejects_kept = true`); err != nil {
		t.Fatal(err)
	}
	if got := rejects(t, pool, k.ID); got != "abc\n" {
		t.Errorf("%q", got)
	}
}
