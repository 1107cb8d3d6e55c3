package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/contacts"
	"posthorn/internal/clock"
	"posthorn/internal/csvimport"
)

type importCmd struct {
	Contacts importContactsCmd `cmd:"" help:"Import contacts. They are subscribed to nothing but what --topic or a column says."`
	Products importProductsCmd `cmd:"" help:"Import products."`
	Orders   importOrdersCmd   `cmd:"" help:"Import orders, one line per item."`
}

// importFile is what the three have in common.
type importFile struct {
	File    string            `arg:"" help:"The CSV file, plain or gzip, or - for stdin."`
	Map     map[string]string `mapsep:"none" placeholder:"FIELD=HEADER" help:"Take a field from the column with this header; may be repeated."`
	Skip    []string          `sep:"none" placeholder:"HEADER" help:"Pass the column with this header over; may be repeated."`
	Rejects string            `placeholder:"FILE" help:"Where rejected rows go, to be mended and imported in their turn (default FILE.rejected.csv)."`
}

type importContactsCmd struct {
	importFile
	Topic  string `placeholder:"TOPIC" help:"Subscribe the contacts to this topic, unless a column says otherwise."`
	Source string `placeholder:"TEXT" help:"Where the contacts said so; kept with each consent (default import)."`
}

// Run imports contacts.
func (c *importContactsCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	return c.run(ctx, cfg, std, "contacts", func(pool *pgxpool.Pool, r io.Reader, opts csvimport.Options) (csvimport.Summary, error) {
		return contacts.Import(ctx, pool, r, contacts.ImportOptions{Options: opts, Topic: c.Topic, Source: c.Source, Now: clock.System()})
	})
}

type importProductsCmd struct{ importFile }

// Run imports products.
func (c *importProductsCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	return c.run(ctx, cfg, std, "products", func(pool *pgxpool.Pool, r io.Reader, opts csvimport.Options) (csvimport.Summary, error) {
		return catalog.ImportProducts(ctx, pool, r, catalog.ImportOptions{Options: opts, Now: clock.System()})
	})
}

type importOrdersCmd struct{ importFile }

// Run imports orders.
func (c *importOrdersCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	return c.run(ctx, cfg, std, "orders", func(pool *pgxpool.Pool, r io.Reader, opts csvimport.Options) (csvimport.Summary, error) {
		return catalog.ImportOrders(ctx, pool, r, catalog.ImportOptions{Options: opts, Now: clock.System()})
	})
}

// run opens what is needed, imports and prints the summary, also of an import that
// failed after it had written something. Rejected rows are no failure: they are
// counted, shown and kept in a file.
func (c *importFile) run(ctx context.Context, cfg *Config, std streams, what string, load func(*pgxpool.Pool, io.Reader, csvimport.Options) (csvimport.Summary, error)) error {
	if err := cfg.needDatabase(); err != nil {
		return err
	}
	in, size, err := openInput(c.File, std)
	if err != nil {
		return err
	}
	defer in.Close()
	rejects, err := c.rejects()
	if err != nil {
		return err
	}
	pool, err := openDatabase(ctx, cfg, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	bar := newImportBar(std, what, size)
	began := time.Now()
	sum, err := load(pool, in, csvimport.Options{Map: c.Map, Skip: c.Skip, Rejects: rejects, Progress: bar.show})
	bar.end()
	stopped := err != nil
	if e := rejects.Close(); err == nil {
		err = e
	}
	if !stopped || sum.Created+sum.Updated+sum.Unchanged > 0 {
		printSummary(std.out, what, sum, time.Since(began), rejects)
	}
	switch {
	case err == nil:
		return nil
	case stopped && sum.Created+sum.Updated > 0:
		fmt.Fprintln(std.out, "it did not end well: what was created and updated is stored; the same command again does the rest")
	case !stopped:
		fmt.Fprintln(std.out, "all of it is stored; only the rejected rows could not be kept")
	}
	return fmt.Errorf("import %s from %s: %w", what, c.File, err)
}

// openInput opens a file, or stdin for -, and returns its size in bytes, -1 where it
// is unknown.
func openInput(file string, std streams) (io.ReadCloser, int64, error) {
	if file == "-" {
		return io.NopCloser(std.in), -1, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read %s: %w", file, unwrapPath(err))
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, fmt.Errorf("cannot read %s: %w", file, unwrapPath(err))
	}
	if !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}

// shownRejects is how many rejected rows the summary shows.
const shownRejects = 5

func printSummary(w io.Writer, what string, sum csvimport.Summary, took time.Duration, rejects *rejectFile) {
	rate := float64(sum.Rows) / max(took.Seconds(), 0.001)
	fmt.Fprintf(w, "%s: %s rows read in %s (%s rows/s)\n", what, count(sum.Rows), seconds(took), count(int64(rate)))
	for _, line := range []struct {
		name string
		n    int64
	}{{"created", sum.Created}, {"updated", sum.Updated}, {"unchanged", sum.Unchanged}, {"rejected", sum.Rejected}} {
		fmt.Fprintf(w, "  %-10s %10s\n", line.name, count(line.n))
	}
	if sum.Rejected == 0 {
		return
	}
	if rejects.kept {
		fmt.Fprintf(w, "rejected rows are in %s, each with its line and reason:\n", rejects.path)
	} else {
		fmt.Fprintln(w, "rejected rows could not be kept; the first of them:")
	}
	for i, r := range sum.Rejects {
		if i == shownRejects {
			fmt.Fprintf(w, "  …\n")
			break
		}
		field := ""
		if r.Field != "" {
			field = r.Field + ": "
		}
		fmt.Fprintf(w, "  line %d: %s%s\n", r.Line, field, r.Reason)
	}
}

// unwrapPath takes the path out of an error whose message names it already.
func unwrapPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
