// Package csvimport reads CSV files that come from outside: exports of shops and
// spreadsheets, with whatever encoding, header and damage they have.
//
// Open looks at the beginning of a stream: it unpacks gzip, drops a byte order
// mark, tells UTF-8 from Latin-1 (Windows-1252) and UTF-16, finds the separator
// and matches the header to the columns the caller knows. What makes the file as
// a whole unusable (no header, a required column missing) is a fault.Invalid, and
// nothing has been read yet.
//
// From then on nothing stops the file but an error of the stream itself. Next
// returns one row after the other; a row that cannot be read is rejected here,
// with its line and the reason, and a row the caller refuses is handed to Reject.
// A stray quote, which in CSV swallows all that follows, costs the line it stands
// in and no other: a record over several lines that does not work out is given up
// as far as its first line, and reading goes on at the second.
//
// Memory is bounded: one record is at most 1 MB, one cell 64 KB.
package csvimport

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
)

// Limits of what is read, in bytes.
const (
	maxRecord = 1 << 20
	maxCell   = 64 << 10
)

// shownRejects is how many rejects a Summary shows; Options.Rejects gets them all.
const shownRejects = 20

// progressEvery is how many rows pass between two calls of Options.Progress.
const progressEvery = 1000

// Options say how a file is read. The zero value is good.
type Options struct {
	// Map names the header of a field whose column would not be recognised, by
	// field: {"external_id": "Customer No."}. "attr:NAME" as the field puts a
	// column among the extra ones, under NAME.
	Map map[string]string

	// Skip names headers of columns that are passed over.
	Skip []string

	// Rejects gets what was rejected, as a CSV file that can be mended and imported in
	// its turn, without Map and Skip: with the columns of the file, as far as they are
	// not skipped, and rejected_line, rejected_field, rejected_reason and rejected_row.
	// The last holds a row that did not fall into cells. It stays untouched where
	// nothing is rejected; nil drops it.
	Rejects io.Writer

	// Show is how many rejects the Summary shows; 20 where it is 0.
	Show int

	// Wrote is called in each transaction that writes a batch of things, which its error
	// undoes; may be nil.
	Wrote func(ctx context.Context, tx pgx.Tx, n Counts) error

	// Progress is called now and then, by the goroutine that reads; may be nil.
	Progress func(Progress)
}

// Progress is how far an import is.
type Progress struct {
	Rows     int64 // read, without the header
	Rejected int64 // of them
	Bytes    int64 // consumed of the input, compressed where it is
	Stored   int64 // things (contacts, orders, …) written or found unchanged so far
}

// Counts is what a batch did.
type Counts struct {
	Created, Updated, Unchanged int64
}

// Summary is what an import did. Rows are rows of the file; Created, Updated and
// Unchanged count the things they describe, which are fewer where several rows
// are about one.
type Summary struct {
	Rows      int64    `json:"rows"`
	Created   int64    `json:"created"`
	Updated   int64    `json:"updated"`
	Unchanged int64    `json:"unchanged"`
	Rejected  int64    `json:"rejected"`
	Rejects   []Reject `json:"rejects"` // the first, see Options.Show
}

// Reject is one row that was not taken.
type Reject struct {
	Line   int    `json:"line"`            // where it begins; the header is line 1
	Field  string `json:"field,omitempty"` // "" where the row as a whole is at fault
	Reason string `json:"reason"`
}

// Row is one row of the file.
type Row struct {
	Line  int      // where it begins; the header is line 1
	Cells []string // as they stand in the file, one for each column
	Raw   string   // of a row that did not fall into cells: the row; Cells are those before the damage
	file  *File
}

// Get returns the cell of a known column without surrounding space: "" where it
// is empty or the file has no such column.
func (r Row) Get(name string) string {
	i, ok := r.file.index[name]
	if !ok || i >= len(r.Cells) { // see NextAny
		return ""
	}
	return strings.TrimSpace(r.Cells[i])
}

// Known returns Cells with those emptied that belong to no known column.
func (r Row) Known() []string {
	cells := make([]string, len(r.Cells))
	for _, i := range r.file.index {
		if i < len(cells) {
			cells[i] = r.Cells[i]
		}
	}
	return cells
}

// Extra returns the cells that are not empty of the columns nobody knows, by
// their header; nil where there are none.
func (r Row) Extra() map[string]string {
	var extra map[string]string
	for _, c := range r.file.extra {
		cell := strings.TrimSpace(r.Cells[c.cell])
		if cell == "" {
			continue
		}
		if extra == nil {
			extra = make(map[string]string, len(r.file.extra))
		}
		extra[c.name] = cell
	}
	return extra
}

// File is an open import. It is used by one goroutine.
type File struct {
	opts    Options
	input   *countingReader
	records *recordReader
	text    decoder
	parse   parser
	header
	summary  Summary
	stored   int64
	rejects  *csv.Writer
	toReject []int                // the cells of a row that go to rejects
	writeErr error                // of rejects; ends the import
	noticed  func(Reject, string) // for a preview: what was rejected, and the row where it did not fall into cells
}

// Open reads the header of r and matches it to columns. Its errors for a file
// that cannot be used are fault.Invalid, with the field "file", "columns" or "map".
func Open(r io.Reader, opts Options, columns []Column) (*File, error) {
	input := &countingReader{r: r}
	stream, text, err := decode(input, false)
	if err != nil {
		return nil, err
	}
	f := &File{opts: opts, input: input, text: text, records: &recordReader{r: stream, comma: ','}}
	titles, err := f.readHeader()
	if err != nil {
		return nil, err
	}
	var wrong fault.List
	if f.header, wrong = match(titles, columns, opts.Map, opts.Skip); len(wrong) > 0 {
		return nil, wrong[0]
	}
	return f, nil
}

// readHeader reads the first record and settles the separator.
func (f *File) readHeader() ([]string, error) {
	f.records.sniff()
	rec, err := f.records.next()
	if errors.Is(err, io.EOF) {
		return nil, fault.Invalidf("file", "is empty: the first line must name the columns")
	}
	if err != nil {
		return nil, readError(err, 1)
	}
	if rec.broken != "" {
		return nil, fault.Invalidf("file", "the first line, which must name the columns, %s", rec.broken)
	}
	f.parse = parser{comma: rune(f.records.comma)}
	data, err := f.text.decode(rec.data)
	if err != nil {
		return nil, fault.Invalidf("file", "the first line, which must name the columns, %v", err)
	}
	titles, err := f.parse.cells(data)
	if err != nil {
		return nil, fault.Invalidf("file", "the first line, which must name the columns, %v", err)
	}
	for i, title := range titles {
		if strings.ContainsFunc(title, isControl) || strings.ContainsRune(title, '\r') {
			return nil, fault.Invalidf("file", "the header of column %d holds a control character: this is not a CSV file, or its lines do not end with LF or CR LF", i+1)
		}
		if !utf8.ValidString(title) {
			return nil, fault.Invalidf("file", "the header of column %d is not valid UTF-8", i+1)
		}
	}
	return titles, nil
}

// Next returns the next row that can be read, and io.EOF after the last. Rows
// that cannot be read are rejected on the way. Any other error is the stream's
// (or that of Options.Rejects), and ends the import.
func (f *File) Next() (Row, error) {
	for {
		row, wrong, err := f.NextAny()
		if err != nil {
			return Row{}, err
		}
		if wrong == nil {
			return row, nil
		}
		f.RejectFault(row, wrong)
	}
}

// NextAny is Next for a caller to whom a row matters that it cannot take: one with
// more or fewer cells than the header, with a cell nobody takes, or with broken quotes,
// as long as it can be told what it is about (see Column.Whole). It is returned with
// what is wrong, a fault.Invalid, and is the caller's to reject.
func (f *File) NextAny() (row Row, wrong, err error) {
	for {
		rec, err := f.records.next()
		if f.writeErr != nil {
			return Row{}, nil, f.writeErr
		}
		if errors.Is(err, io.EOF) {
			f.report()
			return Row{}, nil, io.EOF
		}
		if err != nil {
			return Row{}, nil, readError(err, f.records.line)
		}
		if f.summary.Rows++; f.summary.Rows%progressEvery == 0 {
			f.report()
		}
		if row, wrong, ok := f.row(rec); ok {
			return row, wrong, nil
		}
	}
}

// row takes a record apart, or rejects it where that cannot be done.
func (f *File) row(rec record) (row Row, wrong error, ok bool) {
	if rec.broken != "" {
		return f.broken(rec, rec.broken)
	}
	data, err := f.text.decode(rec.data)
	if err != nil {
		return f.broken(rec, err.Error())
	}
	cells, err := f.parse.cells(data)
	if err == nil {
		cells, wrong = f.fit(cells)
	}
	switch {
	case rec.lines > 1 && (err != nil || wrong != nil): // most likely a stray quote: it costs its own line only
		return f.broken(f.records.backToSecondLine(), errOpenQuote.Error())
	case err != nil:
		return f.broken(rec, err.Error())
	}
	row = Row{Line: rec.line, Cells: cells, file: f}
	if wrong != nil {
		row.Raw = f.rawText(rec)
	}
	for i := 0; i < len(cells) && wrong == nil; i++ {
		switch {
		case len(cells[i]) > maxCell:
			wrong = fault.Invalidf(f.title(i), "is larger than %d KB", maxCell>>10)
		case strings.ContainsFunc(cells[i], isControl):
			wrong = fault.Invalidf(f.title(i), "holds a control character")
		}
	}
	if wrong == nil && f.marks[0] >= 0 && cells[f.marks[3]] != "" {
		wrong = fault.Invalidf(rejectColumns[3], notInCells)
	}
	return row, wrong, true
}

// broken returns a record that does not fall into cells where it can be told what it
// is about, and rejects it where it cannot.
func (f *File) broken(rec record, reason string) (row Row, wrong error, ok bool) {
	raw := f.rawText(rec)
	if f.key >= 0 {
		// The cells before the first quote are as they seem; the last one is cut off.
		intact, _, _ := strings.Cut(raw, `"`)
		cells := strings.Split(intact, string(f.parse.comma))
		if cells = cells[:len(cells)-1]; f.key < len(cells) && !strings.ContainsRune(intact, utf8.RuneError) {
			return Row{Line: rec.line, Cells: cells, Raw: raw, file: f}, fault.Invalidf("", "%s", reason), true
		}
		reason += "; what it belongs to cannot be told: mend it in the file it came from, and import all of that"
	}
	f.reject(Reject{Line: rec.line, Reason: reason}, make([]string, f.width), raw)
	return Row{}, nil, false
}

// rawText is a record as text, whatever is wrong with it.
func (f *File) rawText(rec record) string {
	raw := strings.TrimRight(string(rec.data), "\r\n")
	if data, err := f.text.decode([]byte(raw)); err == nil {
		raw = string(data)
	}
	return strings.ToValidUTF8(raw, string(utf8.RuneError))
}

// fit makes a row as wide as the header. Empty cells too many are what some
// programs put at the end of a line; anything else is a row out of step.
func (f *File) fit(cells []string) ([]string, error) {
	for len(cells) > f.width && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) != f.width {
		return cells, fault.Invalidf("", "has %s, the header has %d", plural(len(cells), "column"), f.width)
	}
	return cells, nil
}

// Reject counts a row that the caller does not take and writes it to
// Options.Rejects. Of row only Line, Cells and Raw are looked at, so that one that was
// kept elsewhere meanwhile can be put together again.
func (f *File) Reject(row Row, field, reason string) {
	cells, raw := row.Cells, row.Raw
	switch {
	case raw != "": // what it is about, and the whole row to be mended
		cells = make([]string, f.width)
		if f.key >= 0 && f.key < len(row.Cells) {
			cells[f.key] = row.Cells[f.key]
		}
	case f.marks[0] >= 0:
		raw = cells[f.marks[3]]
	}
	f.reject(Reject{Line: row.Line, Field: field, Reason: reason}, cells, raw)
}

// RejectFault is Reject for every field in err, where err is a fault.Invalid or
// fault.List; it returns false, and does nothing, where it is neither. The row
// counts once.
func (f *File) RejectFault(row Row, err error) bool {
	field, reason, ok := Explain(err)
	if ok {
		f.Reject(row, field, reason)
	}
	return ok
}

// Explain returns the first field that err names, a fault.Invalid or fault.List,
// and all it says in one line; not ok where it is neither.
func Explain(err error) (field, reason string, ok bool) {
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list) && len(list) > 0:
	case errors.As(err, &one):
		list = fault.List{one}
	default:
		return "", "", false
	}
	reasons := make([]string, len(list))
	for i, inv := range list {
		reasons[i] = inv.Message
		if i > 0 {
			reasons[i] = inv.Error()
		}
	}
	return list[0].Field, strings.Join(reasons, "; "), true
}

// reject notes a row: its cells, and the row itself where it did not fall into them.
func (f *File) reject(r Reject, cells []string, raw string) {
	f.summary.Rejected++
	if len(f.summary.Rejects) < cmp.Or(f.opts.Show, shownRejects) {
		f.summary.Rejects = append(f.summary.Rejects, r)
	}
	if f.noticed != nil {
		f.noticed(r, raw)
	}
	if f.opts.Rejects == nil || f.writeErr != nil {
		return
	}
	if f.rejects == nil {
		f.writeErr = f.beginRejects()
	}
	row := make([]string, 0, len(f.toReject)+len(rejectColumns))
	for _, i := range f.toReject {
		cell := ""
		if i < len(cells) {
			cell = cells[i]
		}
		row = append(row, cell)
	}
	if f.writeErr == nil {
		f.writeErr = f.rejects.Write(append(row, strconv.Itoa(r.Line), r.Field, r.Reason, raw))
	}
	if f.writeErr != nil {
		f.writeErr = fmt.Errorf("write rejected rows: %w", f.writeErr)
	}
}

// beginRejects writes the header of the rejected rows. It quotes more than it must:
// the separator is found by counting in it.
func (f *File) beginRejects() error {
	buffer := bufio.NewWriter(f.opts.Rejects) // which the csv.Writer takes for its own
	f.rejects = csv.NewWriter(buffer)
	f.rejects.Comma = f.parse.comma
	titles, cells := f.rejectTitles()
	f.toReject = cells
	titles = append(titles, rejectColumns[:]...)
	for i, title := range titles {
		if strings.ContainsAny(title, ",;|\t\"\n") || strings.HasPrefix(title, " ") || title == "" && i == 0 {
			titles[i] = `"` + strings.ReplaceAll(title, `"`, `""`) + `"`
		}
	}
	_, err := buffer.WriteString(strings.Join(titles, string(f.parse.comma)) + "\n")
	return err
}

// Stored tells Options.Progress that n more things were written or found
// unchanged.
func (f *File) Stored(n int64) {
	f.stored += n
	f.report()
}

func (f *File) report() {
	if f.opts.Progress != nil {
		f.opts.Progress(Progress{Rows: f.summary.Rows, Rejected: f.summary.Rejected, Bytes: f.input.n, Stored: f.stored})
	}
}

// Summary returns Rows, Rejected and Rejects as they are now; the other numbers
// are the caller's to fill in.
func (f *File) Summary() Summary {
	s := f.summary
	s.Rejects = append([]Reject{}, s.Rejects...)
	return s
}

// Close writes out what is buffered of the rejected rows. It does not close the
// stream.
func (f *File) Close() error {
	if f.rejects == nil || f.writeErr != nil {
		return f.writeErr
	}
	f.rejects.Flush()
	if err := f.rejects.Error(); err != nil {
		return fmt.Errorf("write rejected rows: %w", err)
	}
	return nil
}

// readError tells damage of the file, which its sender can mend, from trouble
// on the way here.
func readError(err error, line int) error {
	if errors.Is(err, errDamaged) {
		return fault.Invalidf("file", "cannot be read beyond line %d: %v", line, err)
	}
	return fmt.Errorf("read file beyond line %d: %w", line, err)
}

// parser splits records into cells: one csv.Reader that is fed record by record.
type parser struct {
	comma rune
	feed  bytes.Reader
	csv   *csv.Reader
	fed   int64 // bytes given to csv
}

func (p *parser) cells(record []byte) ([]string, error) {
	if p.csv == nil {
		p.csv = csv.NewReader(&p.feed)
		p.csv.Comma = p.comma
		p.csv.FieldsPerRecord = -1
		p.fed = 0
	}
	p.feed.Reset(record)
	p.fed += int64(len(record))
	cells, err := p.csv.Read()
	if err == nil && p.csv.InputOffset() == p.fed {
		return cells, nil
	}
	p.csv = nil // it may hold the rest of what it could not read
	var parseErr *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return nil, errors.New("has a quote in the middle of a cell: such a cell must stand in quotes, and the quote be doubled")
	case errors.Is(err, csv.ErrQuote):
		return nil, errors.New("has a quoted cell with a quote that is not doubled, or with text after it")
	case errors.As(err, &parseErr):
		return nil, parseErr.Err
	default:
		return nil, errors.New("is not one CSV record")
	}
}

func isControl(r rune) bool {
	return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r'
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// turn is held by the import that is at work.
var turn = make(chan struct{}, 1)

// Turn waits until no other import runs in this process, and returns what ends
// the caller's turn. An import keeps one database connection and takes a second
// one from time to time: several that have one each could wait for their second
// for ever. It also keeps memory in bounds.
func Turn(ctx context.Context) (end func(), err error) {
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another import: %w", ctx.Err())
	}
}
