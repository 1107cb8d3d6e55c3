package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// rejectFile is made at the first write. It stands beside its place until it is
// whole; what is no file (a pipe, /dev/null) is written to as it is.
type rejectFile struct {
	path   string
	own    bool // the name is our choice
	direct bool
	f      *os.File
	broken error // of a write
	kept   bool  // it is whole and in its place
}

// rejects decides where rejected rows go, and makes sure that they can: later is
// too late to find out. The default is beside the input, or else in the current
// folder.
func (c *importFile) rejects() (*rejectFile, error) {
	if c.Rejects != "" {
		r := &rejectFile{path: c.Rejects}
		if err := r.check(c.File); err != nil {
			return nil, fmt.Errorf("--rejects %s: %w", c.Rejects, err)
		}
		return r, nil
	}
	r := &rejectFile{path: c.File + ".rejected.csv", own: true}
	if c.File == "-" {
		r.path = "stdin.rejected.csv"
	}
	beside := r.check(c.File)
	if beside == nil {
		return r, nil
	}
	wanted := r.path
	r.path = filepath.Base(wanted)
	if r.check(c.File) != nil {
		return nil, fmt.Errorf("cannot write rejected rows to %s: %w; choose another place with --rejects", wanted, beside)
	}
	return r, nil
}

// check finds out whether the file can be made, without making it.
func (r *rejectFile) check(input string) error {
	if target, err := filepath.EvalSymlinks(r.path); err == nil && !r.own {
		r.path = target // a link stays a link
	}
	out, err := os.Stat(r.path)
	if in, errIn := os.Stat(input); err == nil && errIn == nil && os.SameFile(in, out) {
		return errors.New("it is the file to be imported: choose another")
	}
	switch {
	case err == nil && out.IsDir():
		return errors.New("it is a folder: name a file")
	case err == nil && !out.Mode().IsRegular():
		r.direct = true
		r.f, err = os.OpenFile(r.path, os.O_WRONLY, 0)
		return unwrapPath(err)
	}
	probe, err := r.create()
	if err != nil {
		return err
	}
	_ = probe.Close()
	return os.Remove(probe.Name())
}

func (r *rejectFile) create() (*os.File, error) {
	dir := filepath.Dir(r.path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(r.path)+"-*")
	if err != nil {
		return nil, fmt.Errorf("cannot make a file in %s: %w", dir, unwrapPath(err))
	}
	return f, nil
}

func (r *rejectFile) Write(p []byte) (int, error) {
	if r.f == nil {
		f, err := r.create()
		if err != nil {
			return 0, err
		}
		r.f = f
	}
	n, err := r.f.Write(p)
	if err != nil {
		r.broken = fmt.Errorf("cannot write rejected rows to %s: %w", r.path, unwrapPath(err))
	}
	return n, r.broken
}

// Close puts the file in its place. Where nothing was rejected, a file that an
// earlier import left under the name of our choice would mislead, and goes.
func (r *rejectFile) Close() error {
	if r.f == nil {
		if r.own {
			_ = os.Remove(r.path)
		}
		return nil
	}
	err := r.f.Close()
	if r.broken != nil {
		err = r.broken
	}
	if !r.direct {
		if err == nil {
			err = os.Rename(r.f.Name(), r.path)
		}
		if err != nil {
			_ = os.Remove(r.f.Name())
		}
	}
	r.kept = err == nil
	if err != nil && r.broken == nil {
		err = fmt.Errorf("cannot write rejected rows to %s: %w", r.path, unwrapPath(err))
	}
	return err
}
