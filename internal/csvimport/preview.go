package csvimport

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"posthorn/internal/fault"
)

// Preview is what an import would make of the beginning of a file.
type Preview struct {
	Separator  string          `json:"separator" enum:"comma,semicolon,tab,bar"`
	Charset    string          `json:"charset" enum:"ascii,utf-8,windows-1252" doc:"Of the beginning; UTF-16 is read as utf-8."`
	Compressed bool            `json:"compressed"`
	Mended     bool            `json:"mended" doc:"It is a file of rejected rows."`
	Columns    []PreviewColumn `json:"columns" doc:"In the order of the file."`
	Fields     []PreviewField  `json:"fields" doc:"That a column can be."`
	Problems   []PreviewFault  `json:"problems" doc:"Why the file cannot be imported like this; empty where it can."`
	Rows       []PreviewRow    `json:"rows"`
}

// PreviewColumn says what a column is taken for.
type PreviewColumn struct {
	Title     string `json:"title"`
	Field     string `json:"field,omitempty" doc:"The field it fills."`
	Attribute string `json:"attribute,omitempty" doc:"The attribute it becomes; of orders, what is passed over."`
	Skipped   bool   `json:"skipped" doc:"It is passed over because the request says so."`
	Mapped    bool   `json:"mapped" doc:"It is what it is because the request says so, not by its title."`
}

// PreviewField is a field that a column can be.
type PreviewField struct {
	Name     string `json:"name" doc:"Of a family \"consent.\", to which a name is added."`
	Family   bool   `json:"family"`
	Required bool   `json:"required"`
}

// PreviewFault is something wrong with the file, or with one row.
type PreviewFault struct {
	Field   string `json:"field"` // "" where it is the row as a whole
	Message string `json:"message"`
}

// PreviewRow is one row as it would be read.
type PreviewRow struct {
	Line     int               `json:"line"`
	Cells    []string          `json:"cells" doc:"As they stand in the file; empty where the row does not fall into cells."`
	Raw      string            `json:"raw,omitempty" doc:"Of a row that does not fall into cells: the row."`
	Values   map[string]string `json:"values" doc:"What would be stored, by field, or attr:NAME."`
	Problems []PreviewFault    `json:"problems" doc:"Why it would be rejected; empty where it would be taken."`
}

// Limits of what a preview shows, in characters.
const (
	shownCell = 300
	shownRaw  = 1000
)

// Parse reads a row for a preview: what would be stored by field. Its error is a
// fault.Invalid or fault.List.
type Parse func(Row) (map[string]string, error)

// Look reads the header and the first rows of a file as Open and Next would, but goes
// on after what is wrong and says all of it. begin looks at the header as a whole, and
// returns how rows are read. r may be the beginning of a file that was cut: then so
// says cut, and what was cut off is not held against it. The error is for what is no
// CSV file at all, a fault.Invalid.
func Look(r io.Reader, opts Options, columns []Column, rows int, cut bool, begin func(*File) (Parse, error)) (Preview, error) {
	input := &countingReader{r: r}
	stream, text, err := decode(input, cut)
	if err != nil {
		return Preview{}, err
	}
	f := &File{opts: Options{}, input: input, text: text, records: &recordReader{r: stream, comma: ','}}
	titles, err := f.readHeader()
	if err != nil {
		return Preview{}, err
	}
	var wrong fault.List
	f.header, wrong = match(titles, columns, opts.Map, opts.Skip)
	parse, err := begin(f)
	wrong = append(wrong, faults(err)...)
	if len(wrong) > 0 {
		parse = nil // every row would lack what the file lacks
	}
	p := Preview{
		Separator:  map[byte]string{',': "comma", ';': "semicolon", '\t': "tab", '|': "bar"}[f.records.comma],
		Compressed: f.compressed(), Mended: f.marks[0] >= 0,
		Columns: f.previewColumns(), Fields: previewFields(columns), Problems: shown(wrong), Rows: []PreviewRow{},
	}
	f.noticed = func(r Reject, raw string) {
		p.Rows = append(p.Rows, PreviewRow{Line: r.Line, Cells: []string{}, Raw: clip(raw, shownRaw), Values: map[string]string{}, Problems: []PreviewFault{{r.Field, r.Reason}}})
	}
	ended := false
	for len(p.Rows) < rows {
		row, wrong, err := f.NextAny()
		if err != nil {
			var invalid *fault.Invalid
			if !errors.Is(err, io.EOF) && !errors.As(err, &invalid) {
				return Preview{}, err
			}
			if invalid != nil {
				p.Problems = append(p.Problems, PreviewFault{invalid.Field, invalid.Message})
			}
			ended = true
			break
		}
		p.Rows = append(p.Rows, f.preview(row, wrong, parse))
	}
	if cut && ended && len(p.Rows) > 0 {
		p.Rows = p.Rows[:len(p.Rows)-1] // it may lack its end
	}
	p.Rows = p.Rows[:min(len(p.Rows), rows)]
	p.Charset = map[charset]string{unsettled: "ascii", utf8Text: "utf-8", windows1252: "windows-1252"}[f.text.charset]
	return p, nil
}

func (f *File) preview(row Row, wrong error, parse Parse) PreviewRow {
	out := PreviewRow{Line: row.Line, Cells: make([]string, len(row.Cells)), Raw: clip(row.Raw, shownRaw), Values: map[string]string{}}
	for i, cell := range row.Cells {
		out.Cells[i] = clip(cell, shownCell)
	}
	if wrong == nil && parse != nil {
		var values map[string]string
		values, wrong = parse(row)
		for field, value := range values {
			out.Values[field] = clip(value, shownCell)
		}
	}
	out.Problems = shown(faults(wrong))
	return out
}

// Extras adds the attributes of a row to what a Parse returns.
func (r Row) Extras(into map[string]string) {
	for name, cell := range r.Extra() {
		into[extraPrefix+name] = cell
	}
}

func (f *File) compressed() bool { return f.text.compressed }

func (h *header) previewColumns() []PreviewColumn {
	out := make([]PreviewColumn, len(h.titles))
	for i, title := range h.titles {
		out[i] = PreviewColumn{Title: title, Skipped: h.skipped[i] || h.isMark(i), Mapped: h.mapped[i] || h.skipped[i]}
	}
	for name, i := range h.index {
		out[i].Field = name
	}
	for _, c := range h.extra {
		out[c.cell].Attribute = c.name
	}
	return out
}

func previewFields(columns []Column) []PreviewField {
	out := make([]PreviewField, len(columns))
	for i, c := range columns {
		out[i] = PreviewField{Name: c.Name, Family: c.Family != "", Required: c.Required}
	}
	return out
}

// faults are the wrong fields of an error.
func faults(err error) fault.List {
	var list fault.List
	var one *fault.Invalid
	switch {
	case err == nil:
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = fault.List{one}
	default:
		list.Add("", "cannot be read: %v", err)
	}
	return list
}

func shown(list fault.List) []PreviewFault {
	out := make([]PreviewFault, len(list))
	for i, f := range list {
		out[i] = PreviewFault{f.Field, f.Message}
	}
	return out
}

// clip cuts a text at so many characters.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	n := 0
	for i := range s {
		if n++; n > limit {
			return s[:i] + "…"
		}
	}
	return s
}

// String says what is wrong.
func (f PreviewFault) String() string {
	if f.Field == "" {
		return f.Message
	}
	return fmt.Sprintf("%s: %s", f.Field, f.Message)
}
