package journeys

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
	"posthorn/segments"
	"posthorn/templates"
)

// Applied is what Apply did to one thing.
type Applied struct {
	What string // segment, template, journey
	Name string
	Did  string // "created", "changed: version 2", "unchanged", …
}

// Apply brings a file into the database: segments, templates and the journey are found
// by their names, created where there are none and changed where they differ. With
// publish the journey goes live. All of it is written, or nothing. Applied again, it
// changes nothing.
func Apply(ctx context.Context, db postgres.DB, now time.Time, f *File, publish bool) ([]Applied, error) {
	var done []Applied
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		a := applier{ctx: ctx, tx: tx, now: now, ids: names{map[string]int64{}, map[string]int64{}}}
		defer func() { done = a.done }()
		for _, s := range f.Segments {
			if err := a.segment(s); err != nil {
				return fault.Under(fmt.Sprintf("segment %q", s.Name), err)
			}
		}
		for _, t := range f.Templates {
			if err := a.template(t); err != nil {
				return fault.Under(fmt.Sprintf("template %q", t.Name), err)
			}
		}
		if err := a.lookUp(f); err != nil {
			return err
		}
		return a.journey(f, publish)
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

type applier struct {
	ctx  context.Context
	tx   pgx.Tx
	now  time.Time
	ids  names
	done []Applied
}

func (a *applier) did(what, name, format string, args ...any) {
	a.done = append(a.done, Applied{what, name, fmt.Sprintf(format, args...)})
}

func (a *applier) segment(in NamedRule) error {
	was, found, err := segments.Named(a.ctx, a.tx, in.Name)
	if err != nil {
		return err
	}
	if !found {
		s, err := segments.Create(a.ctx, a.tx, a.now, in.Name, in.Rule)
		a.ids.segments[in.Name] = s.ID
		a.did("segment", in.Name, "created")
		return err
	}
	is, err := segments.Update(a.ctx, a.tx, a.now, was.ID, in.Name, in.Rule)
	a.ids.segments[in.Name] = was.ID
	if string(is.Rule) == string(was.Rule) {
		a.did("segment", in.Name, "unchanged")
	} else {
		a.did("segment", in.Name, "changed")
	}
	return err
}

func (a *applier) template(in NamedSource) error {
	was, found, err := templates.Named(a.ctx, a.tx, in.Name)
	if err != nil {
		return err
	}
	if !found {
		t, _, err := templates.Create(a.ctx, a.tx, a.now, in.Name, in.Source)
		a.ids.templates[in.Name] = t.ID
		a.did("template", in.Name, "created")
		return err
	}
	is, _, err := templates.Update(a.ctx, a.tx, a.now, was.ID, in.Name, in.Source)
	a.ids.templates[in.Name] = was.ID
	if is.Version == was.Version {
		a.did("template", in.Name, "unchanged")
	} else {
		a.did("template", in.Name, "changed: version %d", is.Version)
	}
	return err
}

// lookUp finds what the definition names and the file does not hold.
func (a *applier) lookUp(f *File) error {
	inDefinition, ofTrigger := f.names()
	for _, name := range inDefinition {
		if a.ids.templates[name] != 0 {
			continue
		}
		t, found, err := templates.Named(a.ctx, a.tx, name)
		if err != nil {
			return err
		}
		if !found {
			return fault.Invalidf("templates", "%q, which the definition names, is neither in the file nor in the database", name)
		}
		a.ids.templates[name] = t.ID
	}
	for _, name := range ofTrigger {
		if a.ids.segments[name] != 0 {
			continue
		}
		s, found, err := segments.Named(a.ctx, a.tx, name)
		if err != nil {
			return err
		}
		if !found {
			return fault.Invalidf("segments", "%q, which the trigger names, is neither in the file nor in the database", name)
		}
		a.ids.segments[name] = s.ID
	}
	return nil
}

func (a *applier) journey(f *File, publish bool) error {
	definition, err := f.json(a.ids)
	if err != nil {
		return err
	}
	j, found, err := Named(a.ctx, a.tx, f.Name)
	if err != nil {
		return err
	}
	if !found {
		if j, err = Create(a.ctx, a.tx, a.now, f.Name, definition); err != nil {
			return err
		}
		a.did("journey", f.Name, "created: id %d", j.ID)
	} else {
		was, err := GetVersion(a.ctx, a.tx, j.ID, j.Version)
		if err != nil {
			return err
		}
		if j, err = Update(a.ctx, a.tx, a.now, j.ID, f.Name, definition); err != nil {
			return err
		}
		is, err := GetVersion(a.ctx, a.tx, j.ID, j.Version)
		if err != nil {
			return err
		}
		if string(is.Definition) == string(was.Definition) {
			a.did("journey", f.Name, "unchanged")
		} else {
			a.did("journey", f.Name, "changed: draft version %d", j.Version)
		}
	}
	if !publish {
		return nil
	}
	if j, err = Publish(a.ctx, a.tx, a.now, j.ID); err != nil {
		return err
	}
	a.did("journey", f.Name, "version %d is published; the journey is %s", *j.LiveVersion, j.Status)
	return nil
}
