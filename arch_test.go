package posthorn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "posthorn"

// rule says which of our packages one may import, and why not the others.
type rule struct {
	may    []string // besides the ground, see below
	reason string   // why everything else is closed
}

// ground is what every package may stand on: it knows nothing of mails and shops.
var ground = []string{"internal/clock", "internal/fault", "internal/check"}

// rules is the table of docs/flow.md: what knows what. Things (plural folders) do
// not know who does something with them; who does something knows the things.
var rules = map[string]rule{
	"internal/clock":     {nil, "it is the ground"},
	"internal/fault":     {nil, "it is the ground"},
	"internal/check":     {nil, "it is the ground"},
	"internal/csvimport": {nil, "it reads rows; what they mean is its caller's business"},
	"internal/publicnet": {nil, "it keeps connections to the public; what is asked there is its users' business"},
	"internal/seal":      {nil, "it closes boxes; what is in them is its users' business"},
	"internal/flight":    {nil, "it keeps answers under keys; what they stand for is its users' business"},
	"internal/pulse":     {nil, "it keeps figures; what they are of is its users' business"},
	"internal/embedded":  {nil, "it runs servers, whatever they are used for"},
	"internal/sandbox":   {nil, "it is somebody else's mail server, and must not know what Posthorn meant to send"},
	"internal/smtptest":  {nil, "it is somebody else's mail server, and must not know what Posthorn meant to send"},
	"internal/redistest": {list("internal/embedded"), "any package's tests may use it"},
	"internal/pgtest":    {list("internal/embedded postgres"), "any package's tests may use it"},
	"internal/shop":      {list("contacts catalog"), "it makes up data and hands it over as any shop would"},

	"postgres": {nil, "statements live with the rows they touch, not here"},
	"tasks":    {nil, "a task carries ids only; what they stand for is the worker's business"},
	"relays":   {list("postgres internal/seal"), "it holds settings; who sends with them is not its business"},
	"senders":  {list("postgres internal/seal"), "it holds keys; who signs with them is not its business"},
	"delivery": {list("relays senders"), "it hands over finished mails: it needs neither contacts nor campaigns nor a database"},

	"contacts":  {list("postgres internal/csvimport"), "a thing stands for itself"},
	"catalog":   {list("postgres internal/csvimport"), "a thing stands for itself"},
	"events":    {list("postgres contacts"), "an event is somebody's: one whom nobody knows yet becomes a contact"},
	"templates": {list("postgres"), "a thing stands for itself; it reads the facts it shows with its own statements"},
	"messages":  {list("postgres internal/flight"), "the ledger must not depend on what writes into it"},
	"segments":  {list("postgres contacts catalog events"), "a rule asks what contacts did; it does not know who asks"},
	"tracking":  {list("postgres contacts events messages"), "a click leads to a message and a contact, not to who sent it"},
	"campaigns": {list("postgres contacts segments templates messages"), "a campaign decides what to send; sending is the worker's"},

	"journeys": {list("postgres contacts catalog segments events templates messages"), "a journey decides what to send; sending is the worker's"},
	"webhooks": {list("postgres internal/publicnet"), "a call stands for itself; what it is for is the journey's business"},

	"users": {list("postgres contacts"), "who signs in has an address, spelt like a contact's, and nothing else to do with what is sent"},

	"preflight": {list("postgres campaigns templates relays senders internal/publicnet"), "it looks at a campaign and what it needs, and sends nothing"},
	"home":      {list("postgres campaigns"), "it reads the rows of everything that may need somebody, and asks nobody else what they mean"},
	"timeline":  {list("postgres contacts catalog"), "it reads the rows of everything about a contact, and asks nobody else what they mean"},

	"imports": {list("postgres contacts catalog internal/csvimport"), "it brings a file to whose things are in it; who asked for it is not its business"},

	"queues": {list("postgres tasks relays messages internal/pulse"), "it shows what works and how fast; it neither works nor decides what is to be done"},

	"metrics": {list("postgres tasks queues internal/pulse"), "it shows figures that others keep"},

	"scheduler": {list("imports postgres tasks queues internal/flight internal/pulse contacts catalog segments events templates messages journeys campaigns webhooks"), "it knocks; it neither sends nor answers requests"},
	"worker":    {list("imports postgres tasks delivery relays senders tracking internal/flight internal/pulse contacts catalog segments events templates messages journeys campaigns webhooks"), "it works on rows; it answers no requests and keeps no time"},
	"web/ui":    {nil, "it is files"},
	"web":       {list("imports web/ui postgres tasks queues relays senders tracking contacts catalog segments events templates messages journeys campaigns preflight home timeline users internal/csvimport internal/publicnet"), "a request writes rows and knocks; it must never send by itself"},
}

// commands may import everything and nothing may import them.
const commands = "cmd/"

// forTests is what tests may import beyond the rule of their package: servers of
// their own.
var forTests = list("internal/pgtest internal/redistest internal/smtptest internal/embedded internal/sandbox postgres")

// moreForTests is what the tests of a package may import besides, because they
// show how it works together with somebody above or beside it.
var moreForTests = map[string][]string{
	"worker": list("scheduler queues"), // a campaign's whole way, with what knocks for it and what is seen of it
}

// gates say which packages may import a library (a prefix of import paths), and why.
var gates = []struct {
	library string
	may     []string
	tests   bool // whether tests anywhere may, too
	reason  string
}{
	{"github.com/hibiken/asynq", list("tasks scheduler worker queues cmd/posthorn cmd/bench"), false, "the queue is a doorbell: nobody else may depend on how it rings"},
	{"github.com/wneessen/go-mail", list("delivery cmd/bench"), true, "how a mail reaches a server, and what its answer means, is decided in one place"},
	{"github.com/emersion/go-msgauth", list("delivery"), true, "a mail is signed where its bytes are final, and nowhere after"},
	{"github.com/emersion/go-smtp", list("internal/sandbox internal/smtptest cmd/bench"), true, "Posthorn receives no mail"},
	{"github.com/jackc/pgx", list("postgres contacts catalog segments events templates messages tracking campaigns preflight home journeys timeline imports users webhooks relays senders queues metrics scheduler worker web internal/csvimport internal/embedded internal/pgtest internal/shop cmd/posthorn cmd/bench cmd/torture"), true, "delivery and tasks must work without a database"},
	{"github.com/danielgtaylor/huma", list("web"), false, "the API is described in one place"},
	{"github.com/osteele/liquid", list("templates cmd/bench"), false, "the merge language is bounded and escaped in one place"},
	{"github.com/preslavrachev/gomjml", list("templates"), false, "MJML is compiled when a template is saved, never when a mail is sent"},
	{"go.yaml.in/yaml", list("journeys"), true, "journeys are all that is kept in files"},
	{"github.com/santhosh-tekuri/jsonschema", nil, true, "what comes in is checked by whose thing it is, with errors of its own"},
	{"github.com/alexedwards/argon2id", list("users"), true, "what a password costs, and how many at once, is decided in one place"},
	{"github.com/alexedwards/scs", list("web"), true, "a session is a cookie's: only who answers requests has cookies"},
	{"github.com/prometheus/client_golang", list("metrics"), true, "what is shown, and which labels it has, is decided in one place"},
	{"github.com/alecthomas/kong", list("cmd/posthorn"), false, "configuration is read once and handed in"},
	{"github.com/alicebob/miniredis", list("internal/embedded"), true, "it is a stand-in for demos, not a Redis"},
	{"net/http", list("web web/ui metrics webhooks preflight internal/sandbox cmd/posthorn cmd/bench cmd/torture"), true, "requests are answered in web, and made in webhooks, preflight and web/picture.go, where every address is checked (internal/publicnet); internal/sandbox has a page of its own, cmd starts the server or is a shop"},
	{"os/exec", list("internal/embedded cmd/posthorn cmd/bench cmd/torture"), true, "nothing that handles people's data starts programs"},
}

func list(s string) []string { return strings.Fields(s) }

type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// packages asks the go tool for every package of the module.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	// The go tool keeps the result of a test until something changes that the test
	// has looked at, and it does not see what a program started by it looks at.
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	found := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath != module {
			found[strings.TrimPrefix(p.ImportPath, module+"/")] = p
		}
	}
}

func TestWhoMayImportWhom(t *testing.T) {
	t.Parallel()
	found := packages(t)
	if len(found) < 10 {
		t.Fatalf("go list shows only %d packages", len(found))
	}
	for _, problem := range check(found) {
		t.Error(problem)
	}
}

// check returns every breach of the rules and gates.
func check(found map[string]pkg) (problems []string) {
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(found)) {
		p := found[name]
		r, known := rules[name]
		isCommand := strings.HasPrefix(name, commands)
		if !known && !isCommand {
			report("%s is not in the table of arch_test.go: say there what it may import, and why nothing else", name)
			continue
		}
		for _, imp := range p.Imports {
			if other, ok := strings.CutPrefix(imp, module+"/"); ok {
				switch {
				case strings.HasPrefix(other, commands):
					report("%s imports %s: nothing imports a command", name, other)
				case isCommand || slices.Contains(ground, other) || slices.Contains(r.may, other):
				default:
					report("%s must not import %s: %s", name, other, r.reason)
				}
			}
			for _, g := range gates {
				if under(imp, g.library) && !slices.Contains(g.may, name) {
					report("%s must not import %s (only %s may): %s", name, imp, strings.Join(g.may, ", "), g.reason)
				}
			}
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if other, ok := strings.CutPrefix(imp, module+"/"); ok {
				switch {
				case strings.HasPrefix(other, commands):
					report("%s's tests import %s: nothing imports a command", name, other)
				case isCommand || other == name || slices.Contains(ground, other) || slices.Contains(r.may, other) || slices.Contains(forTests, other), slices.Contains(moreForTests[name], other):
				case r.may != nil && below(other, r.may):
					// What a package uses, its tests may set up.
				default:
					report("the tests of %s must not import %s: %s", name, other, r.reason)
				}
			}
			for _, g := range gates {
				if under(imp, g.library) && !g.tests && !slices.Contains(g.may, name) {
					report("the tests of %s must not import %s (only %s may): %s", name, imp, strings.Join(g.may, ", "), g.reason)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if _, ok := found[name]; !ok {
			report("%s is in the table of arch_test.go but does not exist", name)
		}
	}
	return problems
}

// below reports whether name is reachable from one of the packages by the rules.
func below(name string, from []string) bool {
	for _, f := range from {
		if slices.Contains(rules[f].may, name) || below(name, rules[f].may) {
			return true
		}
	}
	return false
}

// under reports whether an import path is a library or a part of it, of whatever
// major version. Of the standard library only the package itself is meant.
func under(imp, library string) bool {
	return imp == library || strings.Contains(library, ".") && strings.HasPrefix(imp, library+"/")
}

// The rules can fail: each kind of breach is noticed and comes with its reason.
func TestBreachesAreNoticed(t *testing.T) {
	t.Parallel()
	base := func() map[string]pkg {
		found := map[string]pkg{}
		for name := range rules {
			found[name] = pkg{ImportPath: path.Join(module, name)}
		}
		return found
	}
	if got := check(base()); len(got) != 0 {
		t.Fatalf("without a breach: %q", got)
	}
	for _, c := range []struct {
		name string
		pkg  pkg
		want string
	}{
		{"web", pkg{Imports: []string{"posthorn/worker"}}, "web must not import worker: a request writes rows"},
		{"contacts", pkg{Imports: []string{"posthorn/campaigns"}}, "contacts must not import campaigns"},
		{"delivery", pkg{Imports: []string{"posthorn/postgres"}}, "delivery must not import postgres"},
		{"campaigns", pkg{Imports: []string{"github.com/hibiken/asynq"}}, "the queue is a doorbell"},
		{"worker", pkg{Imports: []string{"github.com/wneessen/go-mail/smtp"}}, "decided in one place"},
		{"messages", pkg{Imports: []string{"net/http"}}, "requests are answered in web"},
		{"worker", pkg{Imports: []string{"posthorn/cmd/posthorn"}}, "nothing imports a command"},
		{"catalog", pkg{XTestImports: []string{"posthorn/web"}}, "the tests of catalog must not import web"},
		{"helpers", pkg{}, "helpers is not in the table"},
	} {
		found := base()
		found[c.name] = c.pkg
		got := check(found)
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s with %v: %q, want one that says %q", c.name, c.pkg, got, c.want)
		}
	}
	found := base()
	delete(found, "catalog")
	if got := check(found); len(got) != 1 || !strings.Contains(got[0], "does not exist") {
		t.Errorf("a missing package: %q", got)
	}
}
