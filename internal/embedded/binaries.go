package embedded

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest PostgreSQL whose functions the schema uses.
const minMajor = 13

// install is one installed PostgreSQL.
type install struct {
	bin   string // the folder with initdb and postgres
	major int
	full  string // "15.10"
}

// installs lists what is installed, each major version once, newest first; the
// one on the PATH comes before all others.
func installs() ([]install, error) {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			initdb = real // initdb looks for postgres beside itself
		}
		dirs = append(dirs, filepath.Dir(initdb))
	}
	preferred := len(dirs)
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/initdb",         // Debian, Ubuntu
		"/usr/pgsql-*/bin/initdb",                  // PGDG for Red Hat and its kin
		"/usr/libexec/postgresql*/initdb",          // Alpine
		"/opt/homebrew/opt/postgresql*/bin/initdb", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin/initdb",    // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin/initdb",
	} {
		match, _ := filepath.Glob(pattern)
		for _, m := range match {
			dirs = append(dirs, filepath.Dir(m))
		}
	}
	var found []install
	tooOld := ""
	for _, dir := range dirs {
		in, err := inspect(dir)
		if err != nil {
			continue
		}
		if in.major < minMajor {
			tooOld = in.full
			continue
		}
		if !slices.ContainsFunc(found, func(f install) bool { return f.major == in.major }) {
			found = append(found, in)
		} else if len(found) < preferred {
			preferred = len(found)
		}
	}
	switch {
	case len(found) > 0:
		preferred = min(preferred, len(found))
		slices.SortFunc(found[preferred:], func(a, b install) int { return b.major - a.major })
		return found, nil
	case tooOld != "":
		return nil, fmt.Errorf("embedded: PostgreSQL %s is installed, and %d or newer is %w", tooOld, minMajor, ErrNoBinary)
	default:
		return nil, fmt.Errorf("embedded: PostgreSQL (initdb and postgres) is %w", ErrNoBinary)
	}
}

// inspect asks the server in bin for its version.
func inspect(bin string) (install, error) {
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return install{}, err
	}
	return parseVersion(bin, string(out))
}

// parseVersion reads "postgres (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)".
func parseVersion(bin, out string) (install, error) {
	_, rest, ok := strings.Cut(out, "(PostgreSQL) ")
	words := strings.Fields(rest)
	if !ok || len(words) == 0 {
		return install{}, fmt.Errorf("embedded: %s/postgres: cannot read its version from %q", bin, out)
	}
	digits := strings.FieldsFunc(words[0], func(r rune) bool { return r < '0' || r > '9' }) // "18beta1" too
	if len(digits) == 0 {
		return install{}, fmt.Errorf("embedded: %s/postgres: cannot read its version from %q", bin, out)
	}
	major, err := strconv.Atoi(digits[0])
	return install{bin: bin, major: major, full: words[0]}, err
}
