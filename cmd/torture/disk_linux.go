package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// disk is a small filesystem of its own for PostgreSQL's data, so that it can be
// full without anybody else's being full.
type disk struct {
	dir string // where it is mounted
}

// diskName marks our mounts, together with the process that made them.
const diskName = "posthorn-torture-"

// newDisk mounts a filesystem in memory of so many bytes on dir, which it makes.
// The error says why that is not possible here.
func newDisk(dir string, size int64) (*disk, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("mounting a filesystem needs root")
	}
	endLeftDisks()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount(diskName+strconv.Itoa(os.Getpid()), dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", size)); err != nil {
		return nil, fmt.Errorf("mount a tmpfs: %w", err)
	}
	return &disk{dir: dir}, nil
}

// fill takes what room is left. It may be called again, to take what was given
// free meanwhile.
func (d *disk) fill() error {
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 1; {
		_, err := f.Write(make([]byte, size))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 16
		case err != nil:
			return err
		}
	}
	return nil
}

// clear gives the room free again.
func (d *disk) clear() error {
	if err := os.Remove(d.filler()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (d *disk) filler() string { return filepath.Join(d.dir, "filler") }

// close unmounts the filesystem; what it held is gone. Where somebody still has a
// file open, the mount goes at once and the memory with the file.
func (d *disk) close() error {
	if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", d.dir, err)
	}
	return nil
}

// endLeftDisks unmounts what a round left that was killed before it could.
func endLeftDisks() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	for line := range bytes.Lines(mounts) {
		what, where, _ := strings.Cut(string(line), " ")
		where, _, _ = strings.Cut(where, " ")
		maker, ours := strings.CutPrefix(what, diskName)
		pid, err := strconv.Atoi(maker)
		if ours && err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = syscall.Unmount(where, syscall.MNT_DETACH)
		}
	}
}
