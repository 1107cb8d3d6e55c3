package csvimport

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"posthorn/internal/fault"
)

// peekSize is how much of a file is looked at before its encoding is settled.
const peekSize = 64 << 10

// decode unpacks gzip, drops a byte order mark and settles the encoding as far as
// the beginning of the file shows it. Where the file was cut, its end is where it was.
func decode(r io.Reader, cut bool) (*bufio.Reader, decoder, error) {
	stream := bufio.NewReaderSize(r, peekSize)
	head, err := stream.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, decoder{}, fmt.Errorf("read file: %w", err)
	}
	compressed := bytes.HasPrefix(head, []byte{0x1f, 0x8b})
	if compressed {
		z, err := gzip.NewReader(stream)
		if err != nil {
			return nil, decoder{}, readError(damage(err), 0)
		}
		stream = bufio.NewReaderSize(gzipReader{z, cut}, peekSize)
		if head, err = stream.Peek(4); err != nil && !errors.Is(err, io.EOF) {
			return nil, decoder{}, readError(err, 0)
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, decoder{}, fault.Invalidf("file", "is a zip archive or a spreadsheet (such as .xlsx), not CSV: save it as CSV first")
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		_, _ = stream.Discard(3) // it was peeked
		return stream, decoder{charset: utf8Text, compressed: compressed}, nil
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		text := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(stream)
		return bufio.NewReaderSize(text, peekSize), decoder{charset: utf8Text, compressed: compressed}, nil
	}
	head, err = stream.Peek(peekSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, decoder{}, readError(err, 0)
	}
	return stream, decoder{charset: detect(head), compressed: compressed}, nil
}

// charset is how the bytes of a file mean text.
type charset int

const (
	unsettled   charset = iota // only ASCII so far
	utf8Text                   // a record that is not valid UTF-8 is rejected
	windows1252                // also what calls itself Latin-1 (ISO 8859-1)
)

// detect tells UTF-8 from Latin-1. Accented Latin-1 text hardly ever looks like
// UTF-8, so that the majority decides and one broken character does not turn a
// whole file of UTF-8 into gibberish.
func detect(b []byte) charset {
	good, bad := 0, 0
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case r != utf8.RuneError || n > 1:
			good++
		case len(b) < utf8.UTFMax && !utf8.FullRune(b): // cut off by the end of what was peeked
		default:
			bad++
		}
		b = b[n:]
	}
	switch {
	case good == 0 && bad == 0:
		return unsettled
	case good >= bad:
		return utf8Text
	default:
		return windows1252
	}
}

var errNotUTF8 = errors.New("is not valid UTF-8, which the rest of the file is")

// decoder turns records into UTF-8.
type decoder struct {
	charset    charset
	compressed bool // the file was
}

// decode returns record as UTF-8; the result may be record itself. The first
// record that is not ASCII settles what the beginning of the file left open.
func (d *decoder) decode(record []byte) ([]byte, error) {
	if isASCII(record) {
		return record, nil
	}
	if d.charset == unsettled {
		d.charset = detect(record)
	}
	if d.charset == windows1252 {
		return charmap.Windows1252.NewDecoder().Bytes(record)
	}
	if !utf8.Valid(record) {
		return nil, errNotUTF8
	}
	return record, nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// countingReader counts what was read through it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// errDamaged says that the compressed data itself is broken, not the way here.
var errDamaged = errors.New("the gzip data is damaged or cut off")

type gzipReader struct {
	z   *gzip.Reader
	cut bool
}

func (g gzipReader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err = damage(err); g.cut && errors.Is(err, errDamaged) {
		err = io.EOF
	}
	return n, err
}

func damage(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt),
		errors.Is(err, io.ErrUnexpectedEOF):
		return errDamaged
	}
	return err
}
