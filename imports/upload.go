package imports

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/internal/fault"
)

// Limits of what is kept, in bytes.
const (
	MaxFile = 500 << 20 // of one file, as it is sent
	maxKept = 4 << 30   // of all files that are waiting or being imported, as they are kept
	piece   = 1 << 20   // of a row of import_chunks
	maxName = 200       // characters of a file's name
)

// headSize is how much of a file is looked at before it is taken.
const headSize = 1 << 20

// Head is the beginning of a file.
type Head struct {
	Data []byte
	Cut  bool // the file goes on
}

// ReadHead reads the beginning of a file. What is left of r comes after it.
func ReadHead(r io.Reader) (*Head, error) {
	data, err := io.ReadAll(io.LimitReader(r, headSize))
	return &Head{Data: data, Cut: len(data) == headSize}, err
}

func (h *Head) reader() io.Reader { return bytes.NewReader(h.Data) }

// New is an import that begins with its upload.
type New struct {
	Kind      Kind
	FileName  string // for people
	Options   Options
	CreatedBy string
}

// Upload takes a file and leaves an import that waits for a worker. A file that cannot
// be imported, by its header or options, is refused with a fault.Invalid or fault.List
// before it is read to its end; what cannot be read to its end leaves nothing behind.
func Upload(ctx context.Context, pool *pgxpool.Pool, now func() time.Time, in New, body io.Reader) (Import, Knock, error) {
	head, err := ReadHead(body)
	if err != nil {
		return Import{}, Knock{}, fmt.Errorf("read upload: %w", err)
	}
	preview, err := Preview(in.Kind, in.Options, head)
	if err != nil {
		return Import{}, Knock{}, err
	}
	if err := in.Options.Check(in.Kind); err != nil { // it passed; this fills in what is not given
		return Import{}, Knock{}, err
	}
	var wrong fault.List
	for _, p := range preview.Problems {
		wrong.Add(p.Field, "%s", p.Message)
	}
	if err := wrong.Err(); err != nil {
		return Import{}, Knock{}, err
	}
	var kept int64
	if err := pool.QueryRow(ctx, `SELECT COALESCE(sum(stored_size), 0) FROM imports WHERE state IN ('uploading', 'waiting', 'running')`).Scan(&kept); err != nil {
		return Import{}, Knock{}, fmt.Errorf("add up uploads: %w", err)
	}
	if kept > maxKept {
		return Import{}, Knock{}, fault.Conflictf("full", "the files of imports that have not ended already take %d GB: wait for these, or import the file with posthorn import", maxKept>>30)
	}
	var id int64
	err = pool.QueryRow(ctx, `
		INSERT INTO imports (kind, file_name, options, created_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5)
		RETURNING id`, in.Kind, fileName(in.FileName), in.Options.json(), in.CreatedBy, now()).Scan(&id)
	if err != nil {
		return Import{}, Knock{}, fmt.Errorf("create import: %w", err)
	}
	imp, err := store(ctx, pool, now, id, io.MultiReader(head.reader(), body), head.gzipped())
	if err != nil {
		gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = pool.Exec(gone, `DELETE FROM imports WHERE id = $1`, id) // else Tidy does
		return Import{}, Knock{}, err
	}
	return imp, Knock{ID: id}, nil
}

func (h *Head) gzipped() bool { return bytes.HasPrefix(h.Data, []byte{0x1f, 0x8b}) }

// fileName is a name to show: one line, not too long.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	if r := []rune(strings.TrimSpace(s)); len(r) > maxName {
		return string(r[:maxName])
	}
	return strings.TrimSpace(s)
}

// store keeps a file in pieces, each in a transaction of its own: a long upload holds
// none open.
func store(ctx context.Context, pool *pgxpool.Pool, now func() time.Time, id int64, body io.Reader, gzipped bool) (Import, error) {
	sent := &counter{r: body}
	out := &pieces{ctx: ctx, pool: pool, id: id, part: "file", after: func(stored int64) error {
		tag, err := pool.Exec(ctx, `UPDATE imports SET size = $2, stored_size = $3, updated_at = $4 WHERE id = $1 AND state = 'uploading'`, id, sent.n, stored, now())
		if err == nil && tag.RowsAffected() == 0 {
			err = errors.New("the upload was given up meanwhile")
		}
		return err
	}}
	var err error
	if gzipped {
		_, err = io.Copy(out, sent)
	} else {
		zip, _ := gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is valid
		if _, err = io.Copy(zip, sent); err == nil {
			err = zip.Close()
		}
	}
	if err == nil {
		err = out.flush()
	}
	if err != nil {
		return Import{}, fmt.Errorf("keep upload: %w", err)
	}
	return one(ctx, pool, id, `
		UPDATE imports
		SET state = 'waiting', updated_at = $2
		WHERE id = $1 AND state = 'uploading'
		RETURNING `+columns, id, now())
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// pieces writes rows of import_chunks.
type pieces struct {
	ctx    context.Context
	pool   *pgxpool.Pool
	id     int64
	part   string
	after  func(stored int64) error // each piece
	buf    []byte
	n      int
	stored int64
}

func (p *pieces) Write(b []byte) (int, error) {
	written := len(b)
	for len(b) > 0 {
		take := min(len(b), piece-len(p.buf))
		p.buf = append(p.buf, b[:take]...)
		b = b[take:]
		if len(p.buf) == piece {
			if err := p.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (p *pieces) flush() error {
	if len(p.buf) > 0 {
		_, err := p.pool.Exec(p.ctx, `INSERT INTO import_chunks (import_id, part, n, data) VALUES ($1, $2, $3, $4)`, p.id, p.part, p.n, p.buf)
		if err != nil {
			return err
		}
		p.n++
		p.stored += int64(len(p.buf))
		p.buf = p.buf[:0]
	}
	return p.after(p.stored)
}

// stored reads what pieces wrote.
type stored struct {
	ctx  context.Context
	pool *pgxpool.Pool
	id   int64
	part string
	n    int
	rest []byte
}

func (s *stored) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		var data []byte
		err := s.pool.QueryRow(s.ctx, `SELECT COALESCE((SELECT data FROM import_chunks WHERE import_id = $1 AND part = $2 AND n = $3), '')`, s.id, s.part, s.n).Scan(&data)
		if err != nil {
			return 0, fmt.Errorf("read import %d: %w", s.id, err)
		}
		switch {
		case len(data) > 0:
		case s.n == 0: // whoever has the import now has ended it
			return 0, errLost
		default:
			return 0, io.EOF
		}
		s.rest = data
		s.n++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
