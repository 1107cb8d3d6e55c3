package journeys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/segments"
	"posthorn/templates"
)

// Export writes a journey's newest version, with the templates and the segment that it
// names as they are now, as one YAML document that ReadFile reads. Ids are not in it: the
// same journey gives the same bytes in every database.
func Export(ctx context.Context, db postgres.DB, id int64) ([]byte, error) {
	j, err := Get(ctx, db, id)
	if err != nil {
		return nil, err
	}
	v, err := GetVersion(ctx, db, id, j.Version)
	if err != nil {
		return nil, err
	}
	definition, err := nodeOf(v.Definition)
	if err != nil {
		return nil, fmt.Errorf("export journey %d: %w", id, err)
	}
	e := exporter{ctx: ctx, db: db, used: map[string]int64{}}
	if err := e.nameThings(definition); err != nil {
		return nil, err
	}
	doc := mapping("name", text(j.Name), "definition", definition)
	if len(e.segments) > 0 {
		doc.Content = append(doc.Content, text("segments"), sequence(e.segments...))
	}
	if len(e.templates) > 0 {
		doc.Content = append(doc.Content, text("templates"), sequence(e.templates...))
	}
	var out bytes.Buffer
	if err := writeYAML(&out, doc); err != nil {
		return nil, fmt.Errorf("export journey %d: %w", id, err)
	}
	if _, err := ReadFile(bytes.NewReader(out.Bytes())); err != nil {
		return nil, fmt.Errorf("export journey %d: what was written is not read back: %v", id, err)
	}
	return out.Bytes(), nil
}

func writeYAML(out io.Writer, doc *yaml.Node) error {
	enc := yaml.NewEncoder(out)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(doc), enc.Close())
}

// exporter collects what a definition names, in the sequence in which it does.
type exporter struct {
	ctx                 context.Context
	db                  postgres.DB
	used                map[string]int64 // templates by name
	segments, templates []*yaml.Node
}

// nameThings puts names in the place of ids.
func (e *exporter) nameThings(definition *yaml.Node) error {
	if err := e.swap(valueOf(definition, "trigger"), "segment_id", "segment", e.segment); err != nil {
		return err
	}
	return e.steps(valueOf(definition, "steps"))
}

func (e *exporter) steps(list *yaml.Node) error {
	if list == nil {
		return nil
	}
	for _, step := range list.Content {
		if err := e.swap(step, "template_id", "template", e.template); err != nil {
			return err
		}
		for _, key := range []string{"then", "else"} {
			if err := e.steps(valueOf(step, key)); err != nil {
				return err
			}
		}
		if paths := valueOf(step, "paths"); paths != nil {
			for _, path := range paths.Content {
				if err := e.steps(valueOf(path, "steps")); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (e *exporter) swap(m *yaml.Node, from, to string, name func(id int64) (string, error)) error {
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Value != from {
			continue
		}
		var id int64
		if err := m.Content[i+1].Decode(&id); err != nil {
			return err
		}
		s, err := name(id)
		if err != nil {
			return err
		}
		m.Content[i], m.Content[i+1] = text(to), text(s)
	}
	return nil
}

func (e *exporter) segment(id int64) (string, error) {
	s, err := segments.Get(e.ctx, e.db, id)
	if err != nil {
		return "", err
	}
	rule, err := nodeOf(s.Rule)
	if err != nil {
		return "", err
	}
	e.segments = append(e.segments, mapping("name", text(s.Name), "rule", rule))
	return s.Name, nil
}

func (e *exporter) template(id int64) (string, error) {
	t, err := templates.Get(e.ctx, e.db, id)
	if err != nil {
		return "", err
	}
	switch other, known := e.used[t.Name]; {
	case known && other != id:
		return "", fault.Conflictf("", "two templates of the journey are named %q (ids %d and %d): give them names of their own", t.Name, other, id)
	case known:
		return t.Name, nil
	}
	e.used[t.Name] = id
	m := mapping("name", text(t.Name), "subject", text(t.Subject))
	for _, part := range [][2]string{{"preheader", t.Preheader}, {"html", t.HTML}, {"mjml", t.MJML}, {"text", t.Text}} {
		if part[1] != "" {
			m.Content = append(m.Content, text(part[0]), text(part[1]))
		}
	}
	e.templates = append(e.templates, m)
	return t.Name, nil
}

// mapping makes one of keys and nodes in turn.
func mapping(pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range pairs {
		if key, ok := p.(string); ok {
			m.Content = append(m.Content, text(key))
		} else {
			m.Content = append(m.Content, p.(*yaml.Node))
		}
	}
	return m
}

func sequence(list ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: list}
}

// valueOf returns the value of a key, nil where there is none.
func valueOf(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// text is a text: a block where it has several lines, unless YAML would give back
// another text than went in (carriage returns, spaces at the wrong place).
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !strings.Contains(s, "\n") {
		return n
	}
	n.Style = yaml.LiteralStyle
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: "key"}
	raw, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, n}})
	var back map[string]string
	if err != nil || yaml.Unmarshal(raw, &back) != nil || back["key"] != s {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// nodeOf reads JSON and keeps the sequence of its keys.
func nodeOf(raw []byte) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return readNode(dec)
}

func readNode(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case string:
		return text(v), nil
	case json.Delim: // an opening one
		n := &yaml.Node{Kind: yaml.MappingNode}
		if v == '[' {
			n.Kind = yaml.SequenceNode
		}
		for dec.More() {
			child, err := readNode(dec)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err := dec.Token() // the closing one
		return n, err
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	default: // a number, true or false
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)}, nil
	}
}
