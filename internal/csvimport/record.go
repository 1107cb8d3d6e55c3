package csvimport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

var errOpenQuote = errors.New("has a quote that is opened and not closed as it should be")

// reasonTooLong is why a line or record over the limit is rejected.
var reasonTooLong = fmt.Sprintf("is longer than %d MB", maxRecord>>20)

// record is a line of the file, or several where a quoted cell goes on over the
// end of a line.
type record struct {
	line   int    // number of its first line
	lines  int    // how many it takes
	data   []byte // with line ends; valid until the next call
	broken string // why it cannot be a record; "" where it may be one
}

// line is a physical line that has to be kept because it may be read again.
type line struct {
	data    []byte
	tooLong bool
}

// recordReader finds where records begin and end. It does so by itself, and leaves
// the cells to encoding/csv, because encoding/csv goes on reading behind a stray
// quote and then has no way back.
//
// The way back is cheap: a line with an odd number of quotes leaves a cell open,
// and the next such line closes it or shows that something is wrong, so that no
// line is looked at more than a few times.
type recordReader struct {
	r     *bufio.Reader
	comma byte
	line  int // number of the last line that was taken

	kept  []line // lines of the last record of several lines, and after it
	head  int    // the next of kept to be taken
	first int    // the first line of the last record in kept
	long  []byte // holds a line that does not fit into r's buffer
}

// sniff finds the separator in the first line: a line "sep=;", as spreadsheets
// write it, or the likeliest of those in use.
func (s *recordReader) sniff() {
	head, _ := s.r.Peek(peekSize) // an error comes again when it is read
	first, _, complete := bytes.Cut(head, []byte{'\n'})
	trimmed := bytes.TrimRight(first, "\r")
	if complete && len(trimmed) == 5 && strings.EqualFold(string(trimmed[:4]), "sep=") {
		_, _ = s.r.Discard(len(first) + 1)
		s.comma = trimmed[4]
		s.line++
		if !strings.ContainsRune(",;\t|", rune(s.comma)) {
			s.comma = ','
		}
		return
	}
	best := 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		if n := countOutside(first, c); n > best {
			best, s.comma = n, c
		}
	}
}

// countOutside counts c outside of quotes.
func countOutside(b []byte, c byte) int {
	n, quoted := 0, false
	for _, x := range b {
		switch {
		case x == '"':
			quoted = !quoted
		case x == c && !quoted:
			n++
		}
	}
	return n
}

// next returns the next record, or io.EOF. Blank lines are passed over.
func (s *recordReader) next() (record, error) {
	var l line
	for {
		var err error
		if l, err = s.take(); err != nil {
			return record{}, err
		}
		if len(bytes.TrimSpace(l.data)) > 0 {
			break
		}
	}
	rec := record{line: s.line, lines: 1, data: l.data}
	if l.tooLong {
		rec.broken = reasonTooLong
		return rec, nil
	}
	state := scan(outside, l.data, s.comma)
	if state != quoted {
		return rec, nil // what is wrong, if anything, encoding/csv says better
	}
	return s.over(rec)
}

// over goes on with a record whose first line left a cell open.
func (s *recordReader) over(rec record) (record, error) {
	if s.head == 0 { // the first line came from the stream
		s.kept = append(s.kept[:0], line{data: bytes.Clone(rec.data)})
		s.head = 1
	}
	s.first = s.head - 1
	if s.first > len(s.kept)/2 { // now and then, so that it costs nothing to speak of
		s.kept = append(s.kept[:0], s.kept[s.first:]...)
		s.first, s.head = 0, 1
	}
	rec.data = bytes.Clone(rec.data)
	for state := quoted; state == quoted; {
		l, err := s.takeKept()
		if err != nil && !errors.Is(err, io.EOF) {
			return record{}, err
		}
		if err != nil || l.tooLong || len(rec.data)+len(l.data) > maxRecord {
			rec = s.backToSecondLine()
			rec.broken = errOpenQuote.Error()
			return rec, nil
		}
		rec.lines++
		rec.data = append(rec.data, l.data...)
		if state = scan(state, l.data, s.comma); state == wrong {
			rec = s.backToSecondLine()
			rec.broken = errOpenQuote.Error()
			return rec, nil
		}
	}
	return rec, nil
}

// backToSecondLine gives up the last record, which took several lines, but for
// its first line, which it returns. The next record begins at its second.
func (s *recordReader) backToSecondLine() record {
	s.line -= s.head - s.first - 1
	s.head = s.first + 1
	return record{line: s.line, lines: 1, data: s.kept[s.first].data}
}

// take returns the next line.
func (s *recordReader) take() (line, error) {
	if s.head < len(s.kept) {
		s.head++
		s.line++
		return s.kept[s.head-1], nil
	}
	s.kept, s.head = s.kept[:0], 0
	l, err := s.read()
	if err == nil {
		s.line++
	}
	return l, err
}

// takeKept is take for a line that may have to be read again.
func (s *recordReader) takeKept() (line, error) {
	if s.head == len(s.kept) {
		l, err := s.read()
		if err != nil {
			return line{}, err
		}
		l.data = bytes.Clone(l.data)
		s.kept = append(s.kept, l)
	}
	s.head++
	s.line++
	return s.kept[s.head-1], nil
}

// read returns the next line of the stream, cut off where it is too long. It is
// valid until the next call.
func (s *recordReader) read() (line, error) {
	data, err := s.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], data...)
		for errors.Is(err, bufio.ErrBufferFull) {
			data, err = s.r.ReadSlice('\n')
			if len(s.long) <= maxRecord {
				s.long = append(s.long, data...)
			}
		}
		data = s.long
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(data) == 0) {
		return line{}, err
	}
	if len(data) > maxRecord {
		return line{data: data[:peekSize], tooLong: true}, nil
	}
	return line{data: data}, nil
}

// state is where in a record a line ends.
type state int

const (
	outside state = iota // not in a quoted cell: the record is complete
	quoted               // in a quoted cell
	wrong                // a quote stands where none may
)

// scan goes through one line, from the state the line before it left.
func scan(from state, data []byte, comma byte) state {
	if from == outside && bytes.IndexByte(data, '"') < 0 {
		return outside
	}
	s := from
	start := from == outside // of a cell
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case s == quoted && c == '"':
			if i+1 < len(data) && data[i+1] == '"' {
				i++
				continue
			}
			if rest := data[i+1:]; len(rest) > 0 && rest[0] != comma && rest[0] != '\n' && !bytes.HasPrefix(rest, []byte("\r\n")) && string(rest) != "\r" {
				return wrong
			}
			s = outside
		case s == quoted:
		case c == '"' && start:
			s = quoted
		case c == '"':
			return wrong
		}
		start = s == outside && c == comma
	}
	return s
}
