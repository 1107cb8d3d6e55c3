package main_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/pgtest"
)

// write puts a file into the command's folder.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const contactsCSV = "Customer ID,E-Mail,First Name,Country\n" +
	"1,zoe@web.example,Zoë,Finland\n" +
	"2,not an address,Max,Germany\n" +
	"3,ann@web.example,Ann,Ireland\n"

func TestImportTwice(t *testing.T) {
	t.Parallel()
	env := []string{"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t)}
	dir := t.TempDir()
	write(t, dir, "contacts.csv", contactsCSV)
	write(t, dir, "products.csv", "sku,name,category,price,currency\nA,Coffee,coffee,9.50,EUR\nB,Mug,mugs,12,EUR\n")
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	_, _ = gz.Write([]byte("order_id,contact_external_id,placed_at,sku,quantity,unit_price,currency,status\n" +
		"o1,1,2026-01-02T10:00:00Z,A,2,9.50,EUR,paid\no1,1,2026-01-02T10:00:00Z,B,1,12,EUR,paid\no2,3,2026-01-03T10:00:00Z,A,1,9.50,EUR,paid\no3,99,2026-01-03T10:00:00Z,A,1,9.50,EUR,paid\n"))
	_ = gz.Close()
	write(t, dir, "orders.csv.gz", packed.String())

	load := func(args ...string) result {
		t.Helper()
		cmd := program(t, env, append([]string{"import"}, args...)...)
		cmd.Dir = dir
		got := finish(t, cmd)
		if got.code != 0 {
			t.Fatalf("import %q: %+v", args, got)
		}
		return got
	}
	expect := func(got result, fields ...string) {
		t.Helper()
		text := strings.Join(strings.Fields(got.out), " ")
		for _, f := range fields {
			if !strings.Contains(text, f) {
				t.Errorf("the summary lacks %q:\n%s", f, got.out)
			}
		}
		if got.err != "" {
			t.Errorf("stderr without a terminal: %q", got.err)
		}
	}
	first := load("contacts", "contacts.csv", "--map", "external_id=Customer ID")
	expect(first, "3 rows read", "created 2", "rejected 1", "contacts.csv.rejected.csv", "line 3")
	rejected, err := os.ReadFile(filepath.Join(dir, "contacts.csv.rejected.csv"))
	if err != nil || !strings.Contains(string(rejected), "3,email,") || !strings.Contains(string(rejected), "not an address") {
		t.Errorf("rejected rows: %q, %v", rejected, err)
	}
	expect(load("contacts", "contacts.csv", "--map", "external_id=Customer ID"), "created 0", "updated 0", "unchanged 2", "rejected 1")

	expect(load("products", "products.csv"), "created 2", "rejected 0")
	expect(load("products", "products.csv"), "created 0", "unchanged 2")
	expect(load("orders", "orders.csv.gz", "--rejects", "bad.csv"), "4 rows read", "created 2", "rejected 1", "bad.csv")
	expect(load("orders", "orders.csv.gz", "--rejects", "bad.csv"), "created 0", "updated 0", "unchanged 2")

	// From stdin; and a rejects file of an earlier import does not stay where there are none.
	write(t, dir, "contacts.csv", "external_id,email\n7,g@web.example\n")
	expect(load("contacts", "contacts.csv"), "created 1", "rejected 0")
	if _, err := os.Stat(filepath.Join(dir, "contacts.csv.rejected.csv")); !os.IsNotExist(err) {
		t.Errorf("the rejects file of the import before is still there: %v", err)
	}
	cmd := program(t, env, "import", "contacts", "-")
	cmd.Stdin = strings.NewReader("external_id,email\n8,h@web.example\n")
	expect(finish(t, cmd), "created 1")
}

// storedContacts counts them.
func storedContacts(t *testing.T, database string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM contacts`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Where the default place of rejected rows cannot be written to, not even by
// root, it is the current folder.
func TestImportKeepsRejectsElsewhere(t *testing.T) {
	t.Parallel()
	const stdin = "/dev/fd/0"
	if _, err := os.Stat(stdin); err != nil {
		t.Skip(err)
	}
	cmd := program(t, []string{"POSTHORN_DATABASE_URL=" + pgtest.NewURL(t)}, "import", "contacts", stdin)
	cmd.Stdin = strings.NewReader(contactsCSV)
	got := finish(t, cmd)
	if got.code != 0 || !strings.Contains(got.out, "rejected rows are in 0.rejected.csv") {
		t.Errorf("%+v", got)
	}
	files, err := os.ReadDir(cmd.Dir)
	if err != nil || len(files) != 1 || files[0].Name() != "0.rejected.csv" {
		t.Errorf("in the folder: %v, %v", files, err)
	}
}

func TestImportSaysWhatIsStoredWhenItFails(t *testing.T) {
	t.Parallel()
	const full = "/dev/full" // a disk without room
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	database := pgtest.NewURL(t)
	cmd := program(t, []string{"POSTHORN_DATABASE_URL=" + database}, "import", "contacts", "-", "--rejects", full)
	cmd.Stdin = strings.NewReader(contactsCSV)
	got := finish(t, cmd)
	if n := storedContacts(t, database); n != 2 {
		t.Fatalf("%d contacts are stored, want 2", n)
	}
	text := strings.Join(strings.Fields(got.out), " ")
	for _, want := range []string{"created 2", "rejected 1", "could not be kept", "line 3: email", "what was created and updated is stored"} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary lacks %q:\n%s", want, got.out)
		}
	}
	if got.code != 1 || !strings.Contains(got.err, "rejected rows") || strings.Count(got.err, "\n") != 1 {
		t.Errorf("%+v", got)
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	env := []string{"POSTHORN_DATABASE_URL=" + database}
	dir := t.TempDir()
	write(t, dir, "contacts.csv", contactsCSV)
	write(t, dir, "strange.csv", "a,b\n1,2\n")
	write(t, dir, "empty.csv", "")
	long := strings.Repeat("x", 250) // its file of rejected rows would have too long a name
	write(t, dir, long, contactsCSV)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"contacts", "missing.csv"}, "cannot read missing.csv"},
		{[]string{"contacts", "."}, "it is a folder"},
		{[]string{"contacts", "empty.csv"}, "empty.csv"},
		{[]string{"orders", "strange.csv"}, "order_id"},
		{[]string{"products", "strange.csv"}, "sku"},
		{[]string{"contacts", "contacts.csv", "--map", "email=Nothing"}, "Nothing"},
		{[]string{"contacts", "contacts.csv", "--rejects", "contacts.csv"}, "is the file to be imported"},
		{[]string{"contacts", "contacts.csv", "--topic", "no good\n"}, "topic"},
		{[]string{"contacts", "contacts.csv", "--rejects", "nowhere/bad.csv"}, "--rejects nowhere/bad.csv: cannot make a file in nowhere"},
		{[]string{"contacts", "contacts.csv", "--rejects", "."}, "it is a folder"},
		{[]string{"contacts", long}, "choose another place with --rejects"},
	} {
		cmd := program(t, env, append([]string{"import"}, c.args...)...)
		cmd.Dir = dir
		got := finish(t, cmd)
		if got.code != 1 || !strings.HasPrefix(got.err, "posthorn: ") || !strings.Contains(got.err, c.want) || strings.Count(got.err, "\n") != 1 {
			t.Errorf("import %q: %+v, want one line with %q", c.args, got, c.want)
		}
	}
	if n := storedContacts(t, database); n != 0 {
		t.Errorf("%d contacts were written", n)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "contacts.csv")); err != nil || string(content) != contactsCSV {
		t.Errorf("the input was changed: %q, %v", content, err)
	}
}
