package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// heard is what the processes of a round wrote into their logs.
type heard struct {
	trouble              int // lines at level error or warning
	noConnection, noRoom int // of those, PostgreSQL's refusals, see faults_postgres.go
	wrong                []string
}

// hear reads the logs of all processes. Whatever happens to them, none of them may
// panic.
func hear(dir string) (heard, error) {
	var h heard
	files, err := filepath.Glob(filepath.Join(dir, "*-*.log"))
	if err != nil {
		return heard{}, err
	}
	for _, name := range files {
		err := readLines(name, func(line string) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) || strings.HasPrefix(line, "posthorn: ") {
				h.trouble++
				switch {
				case strings.Contains(line, tooManyConnections) || strings.Contains(line, "too many clients"):
					h.noConnection++
				case strings.Contains(line, diskFull):
					h.noRoom++
				}
			}
			if (strings.Contains(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) && len(h.wrong) < shown {
				h.wrong = append(h.wrong, fmt.Sprintf("%s: %s", filepath.Base(name), line))
			}
		})
		if err != nil {
			return heard{}, err
		}
	}
	return h, nil
}

// hasStarted reports whether a process had all it needs to work.
func hasStarted(name string) (yes bool) {
	_ = readLines(name, func(line string) { yes = yes || strings.Contains(line, ` starts"`) })
	return yes
}

// lastLine is the last line of a file, "" where there is none.
func lastLine(name string) (last string) {
	_ = readLines(name, func(line string) { last = line })
	return last
}

func readLines(name string, each func(line string)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		each(in.Text())
	}
	return in.Err()
}
