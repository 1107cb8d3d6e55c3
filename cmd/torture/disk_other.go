//go:build !linux

package main

import "errors"

// disk is a filesystem for PostgreSQL's data that can be full, on Linux only.
type disk struct{ dir string }

func newDisk(string, int64) (*disk, error) {
	return nil, errors.New("a filesystem of one's own is mounted on Linux only")
}

func (*disk) fill() error  { return nil }
func (*disk) clear() error { return nil }
func (*disk) close() error { return nil }
