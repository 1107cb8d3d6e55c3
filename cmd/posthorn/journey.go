package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"posthorn/internal/clock"
	"posthorn/journeys"
)

type journeyCmd struct {
	List     journeyListCmd     `cmd:"" help:"List journeys."`
	Export   journeyExportCmd   `cmd:"" help:"Write a journey with its templates as one YAML document."`
	Apply    journeyApplyCmd    `cmd:"" help:"Create or change a journey and its templates from a file; again changes nothing."`
	Simulate journeySimulateCmd `cmd:"" help:"Replay what happened through a journey. Sends nothing."`
}

type journeyListCmd struct{}

// Run prints a table.
func (c *journeyListCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATUS\tVERSION\tLIVE\tENROLLED\tUNDER WAY\tNAME")
	for cursor, more := int64(0), true; more; more = cursor != 0 {
		var list []journeys.Listed
		if list, cursor, err = journeys.List(ctx, pool, journeys.Filter{Cursor: cursor}); err != nil {
			return err
		}
		for _, j := range list {
			live := "-"
			if j.LiveVersion != nil {
				live = fmt.Sprint(*j.LiveVersion)
			}
			fmt.Fprintf(table, "%d\t%s\t%d\t%s\t%s\t%s\t%s\n", j.ID, j.Status, j.Version, live, count(j.Counts.Enrolled), count(j.Counts.Active+j.Counts.Waiting), j.Name)
		}
	}
	return table.Flush()
}

type journeyExportCmd struct {
	Journey string `arg:"" help:"Its id or name."`
	Output  string `short:"o" placeholder:"FILE" help:"Where to write it (default: stdout)."`
}

// Run writes the document.
func (c *journeyExportCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	j, err := journeys.Find(ctx, pool, c.Journey)
	if err != nil {
		return err
	}
	raw, err := journeys.Export(ctx, pool, j.ID)
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err = std.out.Write(raw)
		return err
	}
	if err := os.WriteFile(c.Output, raw, 0o644); err != nil {
		return fmt.Errorf("cannot write %s: %w", c.Output, unwrapPath(err))
	}
	return nil
}

type journeyApplyCmd struct {
	File    string `arg:"" help:"The YAML file, or - for stdin."`
	Publish bool   `help:"Make it live."`
}

// Run prints what was done to each thing.
func (c *journeyApplyCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	in, _, err := openInput(c.File, std)
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := journeys.ReadFile(in)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	done, err := journeys.Apply(ctx, pool, clock.System(), file, c.Publish)
	if err != nil {
		return fmt.Errorf("%s: nothing was changed: %w", c.File, err)
	}
	for _, d := range done {
		fmt.Fprintf(std.out, "%s %q: %s\n", d.What, d.Name, d.Did)
	}
	return nil
}

type journeySimulateCmd struct {
	Journey string `arg:"" help:"Its id or name."`
	From    moment `required:"" placeholder:"DAY" help:"Replay what happened since: 2026-01-01, or a time such as 2026-01-01T09:00:00Z."`
	To      moment `required:"" placeholder:"DAY" help:"… and before."`
	Version int    `placeholder:"N" help:"The version (default: the newest, published or not)."`
	Contact string `placeholder:"ID" help:"Also show the whole path of the contact with this external_id."`
	CSV     string `name:"csv" placeholder:"FILE" help:"Write every mail to a CSV file (- for stdout)."`
}

// moment is a time on the command line.
type moment struct{ time.Time }

// UnmarshalText reads a day, in UTC, or an RFC 3339 time.
func (m *moment) UnmarshalText(text []byte) (err error) {
	if m.Time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		if m.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
			return fmt.Errorf("%q is neither a day such as 2026-01-31 nor a time such as 2026-01-31T09:00:00Z", text)
		}
	}
	return nil
}

// Run prints a report; with --csv - it goes to stderr.
func (c *journeySimulateCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	j, err := journeys.Find(ctx, pool, c.Journey)
	if err != nil {
		return err
	}
	definition, err := journeys.DefinitionOf(ctx, pool, j.ID, c.Version)
	if err != nil {
		return err
	}
	s := journeys.Simulation{From: c.From.UTC(), To: c.To.UTC(), Contact: c.Contact}
	mails, report := std.out, std.out
	if c.CSV == "-" {
		report = std.err
	} else if c.CSV != "" {
		f, err := os.Create(c.CSV)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", c.CSV, unwrapPath(err))
		}
		defer f.Close()
		mails = f
	}
	finish := func() error { return nil }
	if c.CSV != "" {
		s.Each, finish = mailCSV(mails)
	}
	r, err := journeys.Simulate(ctx, pool, j.ID, definition, s)
	if err == nil {
		err = finish()
	}
	if err != nil {
		return err
	}
	printReport(report, j.Name, r)
	return nil
}

// mailCSV returns what writes a mail, and what is to be called at the end.
func mailCSV(out io.Writer) (each func(journeys.Mail) error, finish func() error) {
	w := csv.NewWriter(out)
	_ = w.Write([]string{"contact_external_id", "step", "at", "skipped"}) // an error stays until Flush
	each = func(m journeys.Mail) error {
		return w.Write([]string{m.Contact, m.Step, m.At.UTC().Format(time.RFC3339), m.Skipped})
	}
	return each, func() error { w.Flush(); return w.Error() }
}

func printReport(w io.Writer, name string, r journeys.Report) {
	fmt.Fprintf(w, "%q from %s to %s: %s contacts looked at, %s entered, %s mails\n", name,
		r.From.Format(time.DateOnly), r.To.Format(time.DateOnly), count(int64(r.Contacts)), count(int64(r.Enrolled)), count(int64(r.Mails)))
	for _, status := range journeys.Statuses {
		if n := r.Statuses[status]; n > 0 {
			fmt.Fprintf(w, "  %-10s %10s\n", status, count(int64(n)))
		}
	}
	for _, step := range slices.Sorted(maps.Keys(r.PerStep)) {
		fmt.Fprintf(w, "  step %-20s %s\n", step, count(int64(r.PerStep[step])))
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(w, "  skipped: %-18s %s mails\n", reason, count(int64(r.Skipped[reason])))
	}
	if h := r.BusiestHour; h != nil {
		fmt.Fprintf(w, "  busiest hour: %s with %s mails\n", h.At.UTC().Format("2006-01-02 15:04 UTC"), count(int64(h.Mails)))
	}
	for _, m := range r.Path {
		fmt.Fprintf(w, "  %s  %s\n", m.At.UTC().Format("2006-01-02 15:04"), strings.TrimPrefix(m.Step+": "+m.What+": "+m.Why, ": "))
	}
}
