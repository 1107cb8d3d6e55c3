package journeys

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// A definition as text is what people write in an editor: YAML, or JSON, which is YAML
// too, with names of templates and segments as in a File. Where a name belongs to
// several, "template_id" or "segment_id" takes its place. Comments are not kept.

// Finding is what is wrong, or worth a look, at one place of a text.
type Finding struct {
	Severity string `json:"severity"` // error or warning
	Line     int    `json:"line"`     // from 1; 0: the text as a whole
	Column   int    `json:"column"`   // from 1, in characters
	Length   int    `json:"length"`   // in characters, on this line; 0: not known
	Path     string `json:"path"`     // of the field, as steps[2](care-tips).topic
	Step     string `json:"step"`     // the id of the step, where it is in one
	Message  string `json:"message"`
}

const (
	severityError   = "error"
	severityWarning = "warning"
)

const maxTextBytes = 512 << 10

// Text writes a definition as text.
func Text(ctx context.Context, db postgres.DB, definition json.RawMessage) ([]byte, error) {
	root, err := nodeOf(definition)
	if err != nil {
		return nil, fmt.Errorf("definition as text: %w", err)
	}
	known, err := loadNames(ctx, db)
	if err != nil {
		return nil, err
	}
	known.writeNames(root)
	var out bytes.Buffer
	if err := writeYAML(&out, root); err != nil {
		return nil, fmt.Errorf("definition as text: %w", err)
	}
	return out.Bytes(), nil
}

// Check reads a text as saving it would and returns its definition, nil where it has
// errors, and all that is to be said about it. It writes nothing.
func Check(ctx context.Context, db postgres.DB, text []byte) (json.RawMessage, []Finding, error) {
	rd := &fileReader{}
	c := checker{fileReader: rd, ctx: ctx, db: db}
	d, err := c.read(text)
	if err != nil {
		return nil, nil, err
	}
	lines := lineBreak.Split(string(text), -1)
	for i := range rd.found {
		f := &rd.found[i]
		f.Step = stepOf(f.Path)
		if f.Line > 0 && f.Line <= len(lines) { // an escaped text is shorter or longer than it looks
			f.Length = max(0, min(f.Length, utf8.RuneCountInString(strings.TrimRight(lines[f.Line-1], " \t"))-f.Column+1))
		}
	}
	slices.SortStableFunc(rd.found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Severity, b.Severity), a.Line-b.Line, a.Column-b.Column) // error < warning
	})
	if d == nil || slices.ContainsFunc(rd.found, func(f Finding) bool { return f.Severity == severityError }) {
		return nil, rd.found, nil
	}
	definition, err := json.Marshal(d)
	return definition, rd.found, err
}

// lineBreak is what YAML takes for one.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

var lastStep = regexp.MustCompile(`\(([^()]*)\)[^()]*$`)

// stepOf is the id of the innermost step of a path.
func stepOf(path string) string {
	if m := lastStep.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	return ""
}

type checker struct {
	*fileReader
	ctx context.Context
	db  postgres.DB
}

// read returns the definition, also where findings say that it must not be saved; nil
// where it cannot be read.
func (c *checker) read(text []byte) (*Definition, error) {
	if len(text) > maxTextBytes {
		c.note(place{}, "", "it is larger than %d KB", maxTextBytes>>10)
		return nil, nil
	}
	root, err := document(asYAML(text))
	var broken *fault.Invalid
	if errors.As(err, &broken) {
		c.syntax(broken)
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		c.fault(root, "", "is not a mapping of trigger, entry, exit and steps")
		return nil, nil
	}
	if key, _ := locate(root, "definition"); key != nil && !has(root, "steps") {
		c.note(placeOf(key, nil), "definition", "belongs into a file: here stands what is under it (posthorn journey apply takes a whole file)")
		return nil, nil
	}
	v := c.value(root)
	if len(c.found) > 0 {
		return nil, nil
	}
	known, err := loadNames(c.ctx, c.db)
	if err != nil {
		return nil, err
	}
	c.readNames(root, v, known)
	raw, err := json.Marshal(v)
	if err != nil { // a number such as .inf
		c.fault(root, "", "%v", err)
		return nil, nil
	}
	d := c.parse(root, raw)
	if d == nil {
		return nil, nil
	}
	return d, c.look(root, d, known)
}

var atLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// syntax notes what makes a text no YAML.
func (c *checker) syntax(e *fault.Invalid) {
	said := strings.TrimPrefix(e.Error(), ": ")
	if m := atLine.FindStringSubmatch(said); m != nil {
		line, _ := strconv.Atoi(m[1])
		c.note(place{line: line, column: 1, length: maxTextBytes}, "", "%s", strings.TrimPrefix(said, m[0]))
		return
	}
	c.note(place{}, "", "%s", said)
}

// asYAML makes JSON such YAML as the reader takes: without tabs between its parts, and
// with characters beyond the basic plane in one escape.
func asYAML(text []byte) []byte {
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(text) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\t':
			out = append(out, ' ')
		case text[i] != '\\':
			out = append(out, text[i])
		case text[i+1] == '/':
			out = append(out, '/')
			i++
		case text[i+1] != 'u':
			out = append(out, text[i], text[i+1])
			i++
		default:
			r, n := unescape(text[i:])
			out = fmt.Appendf(out, `\U%08X`, r)
			i += n - 1
		}
	}
	return out
}

// unescape is the character of an escape such as \u00e9, or of a pair of them, and its
// length.
func unescape(s []byte) (rune, int) {
	const one = len(`\u0000`)
	hex := func(s []byte) rune {
		n, _ := strconv.ParseUint(string(s[2:one]), 16, 32) // it is valid JSON
		return rune(n)
	}
	r := hex(s)
	if !utf16.IsSurrogate(r) {
		return r, one
	}
	if len(s) >= 2*one && s[one] == '\\' && s[one+1] == 'u' {
		if pair := utf16.DecodeRune(r, hex(s[one:])); pair != utf8.RuneError {
			return pair, 2 * one
		}
	}
	return utf8.RuneError, one
}

// place is where something is in a text.
type place struct{ line, column, length int }

// placeOf is the place of a value, with its key where it has one: as much of both as
// stands on one line.
func placeOf(key, value *yaml.Node) place {
	if key == nil && value != nil && value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && len(value.Content) > 1 {
		key, value = value.Content[0], value.Content[1]
	}
	switch {
	case key == nil && value == nil:
		return place{}
	case key == nil:
		return place{value.Line, value.Column, width(value)}
	case value != nil && value.Line == key.Line && value.Kind == yaml.ScalarNode && value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0:
		return place{key.Line, key.Column, value.Column - key.Column + width(value)}
	}
	return place{key.Line, key.Column, width(key)}
}

func width(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode {
		return 1
	}
	w := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		w += 2
	}
	return max(w, 1)
}

// known are the templates and segments that can be named.
type known struct {
	templates, segments map[string][]int64
	archived            map[int64]string // templates
}

func loadNames(ctx context.Context, db postgres.DB) (known, error) {
	k := known{templates: map[string][]int64{}, segments: map[string][]int64{}, archived: map[int64]string{}}
	rows, err := db.Query(ctx, `
		SELECT 'template' AS kind, id, name, archived_at IS NOT NULL FROM templates
		UNION ALL
		SELECT 'segment', id, name, false FROM segments
		ORDER BY id`)
	if err != nil {
		return k, fmt.Errorf("look up names: %w", err)
	}
	var kind, name string
	var id int64
	var archived bool
	_, err = pgx.ForEachRow(rows, []any{&kind, &id, &name, &archived}, func() error {
		switch {
		case archived:
			k.archived[id] = name
		case kind == "template":
			k.templates[name] = append(k.templates[name], id)
		default:
			k.segments[name] = append(k.segments[name], id)
		}
		return nil
	})
	if err != nil {
		return k, fmt.Errorf("look up names: %w", err)
	}
	return k, nil
}

// writeNames puts names in the place of ids, where a name belongs to one thing alone.
func (k known) writeNames(root *yaml.Node) {
	put := func(m *yaml.Node, from, to string, ids map[string][]int64) {
		for i := 0; m != nil && i+1 < len(m.Content); i += 2 {
			if m.Content[i].Value != from {
				continue
			}
			id, _ := strconv.ParseInt(m.Content[i+1].Value, 10, 64)
			for name, of := range ids {
				if len(of) == 1 && of[0] == id {
					m.Content[i], m.Content[i+1] = text(to), text(name)
				}
			}
		}
	}
	put(valueOf(root, "trigger"), "segment_id", "segment", k.segments)
	eachStepNode("steps", valueOf(root, "steps"), func(_ string, step *yaml.Node) { put(step, "template_id", "template", k.templates) })
}

// eachStepNode calls fn for every step of a list, and of the lists in it, with its path.
func eachStepNode(path string, list *yaml.Node, fn func(path string, step *yaml.Node)) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for i, step := range list.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if step.Kind != yaml.MappingNode {
			continue
		}
		if id := valueOf(step, "id"); id != nil && id.Value != "" {
			at = named(at, id.Value)
		}
		fn(at, step)
		eachStepNode(at+".then", valueOf(step, "then"), fn)
		eachStepNode(at+".else", valueOf(step, "else"), fn)
		if paths := valueOf(step, "paths"); paths != nil {
			for n, p := range paths.Content {
				if p.Kind == yaml.MappingNode {
					eachStepNode(fmt.Sprintf("%s.paths[%d].steps", at, n), valueOf(p, "steps"), fn)
				}
			}
		}
	}
}

// unresolved stands for the id of a name that means nothing, which is said once.
const unresolved = 1 << 62

// readNames puts ids in the place of names.
func (c *checker) readNames(root *yaml.Node, v any, k known) {
	d, _ := v.(map[string]any)
	if d == nil {
		return
	}
	if t, ok := d["trigger"].(map[string]any); ok {
		c.resolve(t, valueOf(root, "trigger"), "trigger", "segment", k.segments)
	}
	var steps []map[string]any
	eachStep(d["steps"], func(step map[string]any) { steps = append(steps, step) })
	i := 0
	eachStepNode("steps", valueOf(root, "steps"), func(path string, n *yaml.Node) { // in the same sequence
		if i < len(steps) {
			c.resolve(steps[i], n, path, "template", k.templates)
			i++
		}
	})
}

func (c *checker) resolve(m map[string]any, n *yaml.Node, path, kind string, ids map[string][]int64) {
	name, ok := m[kind].(string)
	if !ok {
		return
	}
	key, value := locate(n, kind)
	at := path + "." + kind
	delete(m, kind)
	if m[kind+"_id"] != nil {
		c.note(placeOf(key, value), at, "stands beside %s_id: one of them is enough", kind)
		return
	}
	found := ids[name]
	m[kind+"_id"] = int64(unresolved)
	switch len(found) {
	case 0:
		c.note(placeOf(key, value), at, "there is no %s named %q", kind, name)
	case 1:
		m[kind+"_id"] = found[0]
	default:
		c.note(placeOf(key, value), at, "several %ss are named %q: write %s_id: %d, or %d", kind, name, kind, found[0], found[1])
	}
}

// look asks the database about what a definition names.
func (c *checker) look(root *yaml.Node, d *Definition, k known) error {
	wrong, err := d.references(c.ctx, c.db)
	if err != nil {
		return err
	}
	for _, e := range wrong {
		if !strings.Contains(e.Message, strconv.FormatInt(unresolved, 10)) {
			c.inText(root, e)
		}
	}
	rows, err := c.db.Query(c.ctx, `SELECT name FROM relays`)
	if err != nil {
		return fmt.Errorf("look up relays: %w", err)
	}
	relays, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look up relays: %w", err)
	}
	asked := map[string]bool{}
	var first error
	d.WalkPaths(func(path string, s *Step) {
		if s.Type != SendStep || first != nil {
			return
		}
		if !slices.Contains(relays, s.Relay) {
			c.warn(root, path+".relay", "there is no relay %q: the journey would pause itself at the first mail", s.Relay)
		}
		if s.Transactional {
			return
		}
		subscribed, known := asked[s.Topic]
		if !known {
			first = c.db.QueryRow(c.ctx, `SELECT EXISTS (SELECT FROM consents WHERE topic = $1 AND state = 'subscribed')`, s.Topic).Scan(&subscribed)
			asked[s.Topic] = subscribed
		}
		if !subscribed {
			c.warn(root, path+".topic", "nobody is subscribed to %q: nobody would get this mail", s.Topic)
		}
	})
	if first != nil {
		return fmt.Errorf("look for subscribers: %w", first)
	}
	return nil
}

// warn notes what does not keep a definition from being saved.
func (c *checker) warn(root *yaml.Node, path, format string, args ...any) {
	before := len(c.found)
	key, value := locate(root, path)
	c.note(placeOf(key, value), path, format, args...)
	for i := before; i < len(c.found); i++ {
		c.found[i].Severity = severityWarning
	}
}
