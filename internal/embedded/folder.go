package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Lock takes the folder dir, which it makes where it is missing, for this process
// alone. The lock goes with the process, however that ends. The error says which
// process has the folder.
func Lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		buf := make([]byte, 32)
		n, _ := f.Read(buf)
		_ = f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("embedded: lock %s: %w", dir, err)
		}
		return nil, fmt.Errorf("another posthorn (process %s) works in %s: end it first or choose another folder with --dir", strings.TrimSpace(string(buf[:n])), dir)
	}
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	return func() { _ = f.Close() }, nil
}

// Reachable returns dir where the user that will run PostgreSQL can reach it.
// Otherwise (we are root, and dir is below a folder that is closed to others) it
// returns another folder, always the same one for dir, and moved is true.
func Reachable(dir string) (_ string, moved bool, err error) {
	cred, err := unprivileged("postgres", "nobody")
	if err != nil {
		return "", false, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", false, fmt.Errorf("embedded: %w", err)
	}
	if cred == nil || canEnter(dir, cred) {
		return dir, false, nil
	}
	sum := sha256.Sum256([]byte(dir))
	name := "posthorn-" + hex.EncodeToString(sum[:6])
	// /var/tmp is kept over a restart of the machine.
	for _, parent := range []string{"/var/tmp", os.TempDir()} {
		other := filepath.Join(parent, name)
		if err := os.Mkdir(other, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			continue
		}
		// Anybody may make folders there: one that is not ours is not to be trusted.
		info, err := os.Lstat(other)
		if err != nil || !info.IsDir() || !ownedBy(info, os.Geteuid()) || info.Mode().Perm()&0o022 != 0 {
			continue
		}
		if canEnter(other, cred) {
			return other, true, nil
		}
	}
	return "", false, fmt.Errorf("embedded: PostgreSQL does not run as root, and the user it would run as cannot reach %s: choose a folder that others may enter", dir)
}

// canEnter asks the kernel, by trying: access lists and mounts count as well as modes.
func canEnter(dir string, cred *syscall.Credential) bool {
	cmd := exec.Command("/bin/sh", "-c", `cd "$0"`, dir)
	cmd.Dir = "/"
	_, err := run(cmd, cred)
	return err == nil
}

func ownedBy(info os.FileInfo, uid int) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == uid
}

// needSpace is what a fresh data folder takes, with some room for its log of changes.
const needSpace = 150 << 20

// checkSpace refuses to begin on a disk that is full already: PostgreSQL's own
// words about it come late and from the middle of something else.
func checkSpace(dir string) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return nil // not knowing is no reason to stop
	}
	if free := uint64(st.Bavail) * uint64(st.Bsize); free < needSpace {
		return fmt.Errorf("embedded: the disk that holds %s has %d MB left, and a new database needs %d MB: free some space and start again", dir, free>>20, needSpace>>20)
	}
	return nil
}
