package contacts

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/text/encoding/charmap"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func importFile(t testing.TB, pool *pgxpool.Pool, now time.Time, file string, opts ImportOptions) csvimport.Summary {
	t.Helper()
	opts.Now = now
	sum, err := Import(context.Background(), pool, strings.NewReader(file), opts)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// again imports the same file once more and finds nothing changed.
func again(t testing.TB, pool *pgxpool.Pool, file string, opts ImportOptions) {
	t.Helper()
	before := snapshot(t, pool)
	sum := importFile(t, pool, tuesday, file, opts)
	if sum.Created != 0 || sum.Updated != 0 {
		t.Errorf("the second time: %+v", sum)
	}
	if diff := cmp.Diff(before, snapshot(t, pool)); diff != "" {
		t.Errorf("the second time changed:\n%s", diff)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	file := "External ID,E-Mail,First Name,last_name,Phone,country,language,time_zone,Customer since,VIP,attr:shoe size\n" +
		"1,Edith@Example.com,Edith,Holloway,+354,Iceland,is,Atlantic/Reykjavik,2011-01-18T10:01:00Z,yes,38\n" +
		"2,,Otto,,,,,,2011-01-19,,\n" +
		",anna@x.example,Anna,,,,,,2011-01-20 08:00,no,\n" +
		"3,nobody,Nobody,,,,,,,,\n" +
		"4,d@x.example,D,,,,,Mars,yesterday,,\n" +
		"5,\"e@x.example,E,,,,,,,,\n" +
		",,F,,,,,,,,\n" +
		"6,f@x.example,F\x01,,,,,,,,\n" +
		"7,g@x.example,\"G\nBcc: h@x.example\",,,,,,,,\n"
	var rejects bytes.Buffer
	var progress csvimport.Progress
	opts := ImportOptions{Options: csvimport.Options{Rejects: &rejects, Progress: func(p csvimport.Progress) { progress = p }}}
	sum := importFile(t, pool, monday, file, opts)
	want := csvimport.Summary{Rows: 9, Created: 3, Rejected: 6, Rejects: []csvimport.Reject{
		{Line: 5, Field: "email", Reason: "is not an address: there is no @"},
		{Line: 6, Field: "created_at", Reason: "is not a time such as 2026-03-02T09:00:00Z, 2026-03-02 09:00:00 (UTC) or 2026-03-02"},
		{Line: 7, Reason: "has a quote that is opened and not closed as it should be"},
		{Line: 8, Field: "external_id", Reason: "is missing, and so is email: one of them must say who it is"},
		{Line: 9, Field: "first_name", Reason: "holds a control character"},
		{Line: 10, Field: "first_name", Reason: "holds a control character (such as NUL, tab or a line break)"},
	}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
	if progress != (csvimport.Progress{Rows: 9, Rejected: 6, Bytes: int64(len(file)), Stored: 3}) {
		t.Errorf("%+v", progress)
	}
	list, err := csv.NewReader(bytes.NewReader(rejects.Bytes())).ReadAll()
	if err != nil || len(list) != 7 || strings.Join(list[1], ",") != "3,nobody,Nobody,,,,,,,,,5,email,is not an address: there is no @," || list[3][14] != `5,"e@x.example,E,,,,,,,,` {
		t.Errorf("%q %v", list, err)
	}
	got := snapshot(t, pool)
	wantAll := all{
		Contacts: []Contact{
			{ExternalID: "1", Email: "Edith@example.com", EmailKey: "edith@example.com", FirstName: "Edith", LastName: "Holloway", Phone: "+354",
				Country: "Iceland", Language: "is", Timezone: "Atlantic/Reykjavik", Attributes: map[string]any{"VIP": "yes", "shoe size": "38"},
				CreatedAt: time.Date(2011, 1, 18, 10, 1, 0, 0, time.UTC), UpdatedAt: monday},
			{ExternalID: "2", FirstName: "Otto", Attributes: map[string]any{}, CreatedAt: time.Date(2011, 1, 19, 0, 0, 0, 0, time.UTC), UpdatedAt: monday},
			{ExternalID: "anna@x.example", Email: "anna@x.example", EmailKey: "anna@x.example", FirstName: "Anna", Attributes: map[string]any{"VIP": "no"},
				CreatedAt: time.Date(2011, 1, 20, 8, 0, 0, 0, time.UTC), UpdatedAt: monday},
		},
	}
	if diff := cmp.Diff(wantAll, got, cmpopts.IgnoreFields(Contact{}, "ID"), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	opts = ImportOptions{}
	again(t, pool, file, opts)

	// The file of rejected rows is rejected again as it is, and taken once it is mended.
	asItIs := rejects.String()
	if sum := importFile(t, pool, monday, asItIs, opts); sum.Rejected != 6 || sum.Rows != 6 {
		t.Errorf("rejected rows as they are: %+v", sum)
	}
	mended := strings.NewReplacer("nobody", "nobody@x.example", "Mars,yesterday", "Europe/Berlin,2026-01-01", "F\x01", "F", "G\nBcc: h@x.example", "G",
		",,,,,,,,,,,7,,has a quote that is opened and not closed as it should be,\"5,\"\"e@x.example,E,,,,,,,,\"", "5,e@x.example,E,,,,,,,,,7,,,",
		",,F,,,,,,,,", "8,,F,,,,,,,,").Replace(asItIs)
	if sum := importFile(t, pool, monday, mended, opts); sum.Rejected != 0 || sum.Created != 6 {
		t.Errorf("rejected rows, mended: %+v\n%s", sum, mended)
	}
	for _, c := range snapshot(t, pool).Contacts[3:] {
		if len(c.Attributes) != 0 {
			t.Errorf("what says why became an attribute: %+v", c)
		}
	}

	// An empty cell leaves what is there; another one changes it.
	sum = importFile(t, pool, tuesday, "id,email,first_name,VIP\n1,,Edie,\n2,otto@x.example,,no\n", opts)
	if sum.Updated != 2 {
		t.Errorf("%+v", sum)
	}
	stored := snapshot(t, pool).Contacts
	if c := stored[0]; c.Email != "Edith@example.com" || c.FirstName != "Edie" || c.Attributes["VIP"] != "yes" || c.UpdatedAt != tuesday {
		t.Errorf("%+v", c)
	}
	if c := stored[1]; c.Email != "otto@x.example" || c.FirstName != "Otto" || c.Attributes["VIP"] != "no" {
		t.Errorf("%+v", c)
	}
}

func TestImportEncodings(t *testing.T) {
	t.Parallel()
	const text = "external_id,email,first_name\n1,zoe@x.example,Zoë\n2,soren@x.example,Søren\n"
	latin1, err := charmap.ISO8859_1.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, latin1); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	pool := pgtest.New(t)
	if sum := importFile(t, pool, monday, zipped.String(), ImportOptions{}); sum.Created != 2 {
		t.Errorf("%+v", sum)
	}
	if list := snapshot(t, pool).Contacts; list[0].FirstName != "Zoë" || list[1].FirstName != "Søren" {
		t.Errorf("%+v", list)
	}
	again(t, pool, "\xef\xbb\xbf"+text, ImportOptions{})
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for _, c := range []struct {
		name, file, field, says string
		opts                    ImportOptions
	}{
		{"no column to know them by", "first_name,town\nEdith,Reykjavik\n", "columns", `a column external_id or email is missing; the first line names: "first_name", "town"`, ImportOptions{}},
		{"no header", "1,edith@example.com\n", "columns", `"edith@example.com"`, ImportOptions{}},
		{"nothing", "", "file", "empty", ImportOptions{}},
		{"wrong map", "id\n1\n", "map", "no such column", ImportOptions{Options: csvimport.Options{Map: map[string]string{"email": "Mail"}}}},
		{"two columns for a consent", "id,consent.news,Consent. News\n", "columns", `"consent.news"`, ImportOptions{}},
		{"a consent to no topic", "id,consent.Big News\n", "columns", "consent.big news", ImportOptions{}},
		{"wrong topic", "id\n1\n", "topic", "Big News", ImportOptions{Topic: "Big News"}},
		{"broken off", "\x1f\x8b\x08\x00\x00\x00\x00\x00", "file", "gzip", ImportOptions{}},
	} {
		c.opts.Now = monday
		_, err := Import(context.Background(), pool, strings.NewReader(c.file), c.opts)
		var inv *fault.Invalid
		if !errors.As(err, &inv) || inv.Field != c.field || !strings.Contains(inv.Message, c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// A file that breaks off in the middle changes nothing either.
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	fmt.Fprint(w, "id\n")
	for i := range 50_000 {
		fmt.Fprintf(w, "%d-%x\n", i, i*i*2654435761)
	}
	_ = w.Close()
	_, err := Import(context.Background(), pool, bytes.NewReader(zipped.Bytes()[:zipped.Len()/2]), ImportOptions{Now: monday})
	var inv *fault.Invalid
	if !errors.As(err, &inv) || inv.Field != "file" {
		t.Errorf("cut off: %v", err)
	}
	if got := snapshot(t, pool); len(got.Contacts) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestImportTopics(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	upsert(t, pool, monday, Input{ExternalID: "1", Topics: map[string]string{"news": Unsubscribed}})
	upsert(t, pool, monday, Input{ExternalID: "2", Topics: map[string]string{"news": Pending, "offers": Subscribed}})
	consents := func() (out []string) {
		for _, c := range snapshot(t, pool).Consents {
			out = append(out, strings.Join([]string{c.ExternalID, c.Topic, c.State, c.Source}, " "))
		}
		return out
	}

	// Nobody is subscribed to what nobody named.
	if sum := importFile(t, pool, monday, "id\n1\n2\n", ImportOptions{}); sum.Unchanged != 2 || len(consents()) != 3 {
		t.Errorf("%+v %q", sum, consents())
	}
	// Nobody is subscribed again, whatever the file says.
	if sum := importFile(t, pool, monday, "id\n1\n2\n3\n", ImportOptions{Topic: "news"}); sum.Unchanged != 2 || sum.Created != 1 {
		t.Errorf("%+v", sum)
	}
	file := "id,topics\n1,\"news, offers\"\n2,news;spring\n3,\n4,Big News\n5,spring offers\n"
	sum := importFile(t, pool, monday, file, ImportOptions{Topic: "other", Source: "fair 2026"})
	if sum.Updated != 2 || sum.Unchanged != 1 || sum.Created != 1 || sum.Rejected != 1 || sum.Rejects[0].Field != "topics" {
		t.Errorf("%+v", sum)
	}
	if diff := cmp.Diff([]string{
		"1 news unsubscribed test", "1 offers subscribed fair 2026",
		"2 news pending test", "2 offers subscribed test", "2 spring subscribed fair 2026",
		"3 news subscribed import",
		"5 offers subscribed fair 2026", "5 spring subscribed fair 2026",
	}, consents()); diff != "" {
		t.Error(diff)
	}
	again(t, pool, file, ImportOptions{Topic: "other"})
	if sum := importFile(t, pool, monday, "id\n3\n", ImportOptions{Topic: "other"}); sum.Updated != 1 {
		t.Errorf("%+v", sum)
	}
}

// What a column consent.TOPIC says comes before the topic of the import and the
// column topics; an unsubscribe stays one.
func TestImportConsentColumns(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	upsert(t, pool, monday, Input{ExternalID: "1", Topics: map[string]string{"news": Unsubscribed, "offers": Subscribed}})
	upsert(t, pool, monday, Input{ExternalID: "2", Topics: map[string]string{"news": Unsubscribed, "offers": Pending}})
	upsert(t, pool, monday, Input{ExternalID: "3", Topics: map[string]string{"news": Subscribed, "offers": Unsubscribed}})
	file := "id,Consent.News,Newsletter\n" +
		"1,subscribed,unsubscribed\n" +
		"2,pending,Subscribed\n" +
		"3,unsubscribed,\n" +
		"4,,\n" +
		"5,unsubscribed,pending\n" +
		"6,yes,\n" +
		"7,,no\n" +
		"8,unsubscribed,\n" + // 8 and 9 are each in two rows
		"9,subscribed,\n" +
		"8,subscribed,\n" +
		"9,,subscribed\n"
	opts := ImportOptions{Topic: "news", Options: csvimport.Options{Map: map[string]string{"consent.offers": "Newsletter"}}}
	sum := importFile(t, pool, monday, file, opts)
	if diff := cmp.Diff(csvimport.Summary{Rows: 11, Created: 4, Updated: 3, Rejected: 2, Rejects: []csvimport.Reject{
		{Line: 7, Field: "consent.news", Reason: "is not one of pending, subscribed and unsubscribed"},
		{Line: 8, Field: "consent.offers", Reason: "is not one of pending, subscribed and unsubscribed"},
	}}, sum); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, c := range snapshot(t, pool).Consents {
		got = append(got, strings.Join([]string{c.ExternalID, c.Topic, c.State, c.Source}, " "))
	}
	if diff := cmp.Diff([]string{
		"1 news unsubscribed test", "1 offers unsubscribed import",
		"2 news unsubscribed test", "2 offers subscribed import",
		"3 news unsubscribed import", "3 offers unsubscribed test",
		"4 news subscribed import",
		"5 news unsubscribed import", "5 offers pending import",
		"8 news unsubscribed import",
		"9 news subscribed import", "9 offers subscribed import",
	}, got); diff != "" {
		t.Error(diff)
	}
	again(t, pool, file, opts)

	sum = importFile(t, pool, tuesday, "id,topics,consent.news\n5,news spring,\n10,news;spring,unsubscribed\n", ImportOptions{})
	if sum.Created != 1 || sum.Updated != 1 {
		t.Errorf("%+v", sum)
	}
	c, err := ByExternalID(context.Background(), pool, "10")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Consents(context.Background(), pool, c.ID)
	if err != nil || len(list) != 2 || list[0].State != Unsubscribed || list[1].State != Subscribed || len(c.Attributes) != 0 {
		t.Errorf("%+v %+v %v", c, list, err)
	}
}

// docs/import.md lists the columns with their synonyms.
func TestImportColumnsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## Contacts\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var want, got []string
	for _, c := range importColumns {
		synonyms := ""
		if len(c.Synonyms) > 0 {
			synonyms = "`" + strings.Join(c.Synonyms, "`, `") + "`"
		}
		want = append(want, "`"+c.Name+c.Family+"`|"+synonyms)
	}
	for _, line := range strings.Split(section, "\n") {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") {
			got = append(got, strings.TrimSpace(cells[1])+"|"+strings.TrimSpace(cells[2]))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Rows about one contact are put together, the later over the earlier, also where
// they stand far apart or contradict each other.
func TestImportDuplicates(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var file strings.Builder
	file.WriteString("id,email,first_name,last_name,a,b\n1,a@x.example,First,Kept,1,1\n")
	for i := range 2 * importBatch {
		fmt.Fprintf(&file, "n%d,,,,,\n", i)
	}
	file.WriteString("1,,Last,,2,\n1,b@x.example,,,,\n")
	sum := importFile(t, pool, monday, file.String(), ImportOptions{})
	if sum.Rows != 2*importBatch+3 || sum.Created != 2*importBatch+1 {
		t.Errorf("%+v", sum)
	}
	c, err := ByExternalID(context.Background(), pool, "1")
	if err != nil || c.Email != "b@x.example" || c.FirstName != "Last" || c.LastName != "Kept" || c.Attributes["a"] != "2" || c.Attributes["b"] != "1" {
		t.Errorf("%+v %v", c, err)
	}
	sum = importFile(t, pool, tuesday, file.String(), ImportOptions{})
	if sum.Unchanged != 2*importBatch+1 {
		t.Errorf("%+v", sum)
	}
	var touched int
	if err := pool.QueryRow(context.Background(), `SELECT count(*) FROM contacts WHERE updated_at <> $1`, monday).Scan(&touched); err != nil || touched != 0 {
		t.Error(touched, err)
	}
}

// TestImportIdentity is about rows without an external id.
func TestImportIdentity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before []Input
		file   string
		want   []string // external_id email first_name, in order of creation
	}{
		{"adoption of a contact known by its address", []Input{{Email: ptr("a@x.example"), FirstName: ptr("A")}}, "1,A@x.example,\n", []string{"1 A@x.example A"}},
		{"adoption by the first only", []Input{{Email: ptr("a@x.example")}}, "1,a@x.example,F\n2,a@x.example,G\n", []string{"1 a@x.example F", "2 a@x.example G"}},
		{"adoption within the file", nil, ",a@x.example,A\n1,a@x.example,\n", []string{"1 a@x.example A"}},
		{"adoption within the file, the other way round", nil, "1,a@x.example,\n,a@x.example,A\n", []string{"1 a@x.example A"}},
		{"adoption, and a row without id", []Input{{Email: ptr("a@x.example")}}, ",a@x.example,A\n1,a@x.example,B\n", []string{"1 a@x.example B"}},
		{"by address", []Input{{ExternalID: "1", Email: ptr("a@x.example")}, {ExternalID: "2", Email: ptr("a@x.example")}}, ",a@x.example,A\n",
			[]string{"1 a@x.example A", "2 a@x.example "}},
		{"by the address it will have", []Input{{ExternalID: "1", Email: ptr("a@x.example")}, {ExternalID: "2", Email: ptr("b@x.example")}},
			",a@x.example,A\n1,c@x.example,C\n2,a@x.example,\n", []string{"1 c@x.example C", "2 a@x.example A"}},
		{"nobody has it any more", []Input{{ExternalID: "1", Email: ptr("a@x.example")}}, "1,b@x.example,\n,a@x.example,A\n",
			[]string{"1 b@x.example ", "a@x.example a@x.example A"}},
		{"a contact with an address for an id, and another address", []Input{{ExternalID: "a@x.example", Email: ptr("b@x.example")}}, ",a@x.example,A\n",
			[]string{"a@x.example a@x.example A"}},
		{"several rows without id", nil, ",a@x.example,A\n,b@x.example,B\n,A@x.example,C\n", []string{"a@x.example A@x.example C", "b@x.example b@x.example B"}},
		{"an existing one before a new one", []Input{{ExternalID: "2", Email: ptr("b@x.example")}}, "1,a@x.example,\n2,a@x.example,\n,a@x.example,A\n",
			[]string{"2 a@x.example A", "1 a@x.example "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			for _, in := range c.before {
				upsert(t, pool, monday, in)
			}
			file := "external_id,email,first_name\n" + c.file
			importFile(t, pool, monday, file, ImportOptions{})
			var got []string
			for _, x := range snapshot(t, pool).Contacts {
				got = append(got, strings.Join([]string{x.ExternalID, x.Email, x.FirstName}, " "))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			again(t, pool, file, ImportOptions{})
		})
	}
}

// Whatever a file says, the second time it says nothing new.
func TestImportTwiceAtRandom(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	rnd := newRandom(11)
	for round := range 60 {
		if round%6 == 0 {
			if _, err := pool.Exec(context.Background(), `DELETE FROM contacts`); err != nil {
				t.Fatal(err)
			}
		}
		var file strings.Builder
		w := csv.NewWriter(&file)
		_ = w.Write([]string{"external_id", "email", "first_name", "k", "consent.news"})
		for range 1 + rnd.IntN(10) {
			in := randomInput(rnd)
			row := []string{in.ExternalID, "", "", "", []string{"", "", Pending, Subscribed, Unsubscribed}[rnd.IntN(5)]}
			if in.Email != nil {
				row[1] = *in.Email
			}
			if in.FirstName != nil {
				row[2] = *in.FirstName
			}
			if k, ok := in.Attributes["k"]; ok {
				row[3] = k.(string)
			}
			_ = w.Write(row)
		}
		w.Flush()
		importFile(t, pool, monday, file.String(), ImportOptions{Topic: "news"})
		again(t, pool, file.String(), ImportOptions{Topic: "news"})
		if t.Failed() {
			t.Fatalf("round %d:\n%s", round, file.String())
		}
		// Between the files, life goes on.
		for range rnd.IntN(3) {
			upsert(t, pool, monday, randomInput(rnd))
		}
	}
}

// Where no row lacks an external id and none is there twice, an import is a batch.
func TestImportIsBatch(t *testing.T) {
	t.Parallel()
	imported, batched := pgtest.New(t), pgtest.New(t)
	rnd := newRandom(13)
	for round := range 30 {
		var file strings.Builder
		file.WriteString("external_id,email,first_name\n")
		var batch []Input
		for _, n := range rnd.Perm(8)[:5] {
			in := Input{ExternalID: fmt.Sprint(n), Email: ptr(fmt.Sprintf("p%d@x.example", rnd.IntN(4))), FirstName: ptr(fmt.Sprint("F", rnd.IntN(9))),
				Topics: map[string]string{"news": Subscribed}}
			fmt.Fprintf(&file, "%s,%s,%s\n", in.ExternalID, *in.Email, *in.FirstName)
			batch = append(batch, in)
		}
		before := Input{Email: ptr(fmt.Sprintf("p%d@x.example", rnd.IntN(4)))} // to be adopted, maybe
		upsert(t, imported, monday, before)
		upsert(t, batched, monday, before)
		importFile(t, imported, monday, file.String(), ImportOptions{Topic: "news"})
		if _, err := UpsertBatch(context.Background(), batched, monday, batch, "import"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(people(snapshot(t, batched)), people(snapshot(t, imported))); diff != "" {
			t.Fatalf("round %d: %s\n%s", round, diff, file.String())
		}
	}
}

func TestImportCancelled(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx, cancel := context.WithCancel(context.Background())
	rows := 0
	file := "id\n" + strings.Repeat("1\n", 100_000)
	opts := ImportOptions{Now: monday, Options: csvimport.Options{Progress: func(csvimport.Progress) {
		if rows++; rows == 3 {
			cancel()
		}
	}}}
	if _, err := Import(ctx, pool, strings.NewReader(file), opts); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := snapshot(t, pool); len(got.Contacts) != 0 {
		t.Errorf("%+v", got)
	}
	importFile(t, pool, monday, "id\n1\n", ImportOptions{}) // the turn was given back
}
