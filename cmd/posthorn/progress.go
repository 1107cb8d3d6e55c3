package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"posthorn/internal/csvimport"
)

// newBar returns a bar towards total (-1: unknown), which shows nothing unless
// stderr is a terminal.
func newBar(std streams, what string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(std.err),
		progressbar.OptionSetVisibility(isTerminal(std.err)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(80*time.Millisecond),
		progressbar.OptionSetTheme(progressbar.ThemeUnicode),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)
}

// importBar shows an import's way through its file, by bytes of it, since how
// many rows are left is not known.
type importBar struct {
	bar   *progressbar.ProgressBar
	what  string
	began time.Time
	size  int64
}

func newImportBar(std streams, what string, size int64) *importBar {
	return &importBar{bar: newBar(std, what, size), what: what, began: time.Now(), size: size}
}

func (b *importBar) show(p csvimport.Progress) {
	rate := float64(p.Rows) / max(time.Since(b.began).Seconds(), 0.001)
	text := fmt.Sprintf("%s: %s rows, %s/s", b.what, count(p.Rows), count(int64(rate)))
	if p.Rejected > 0 {
		text += fmt.Sprintf(", %s rejected", count(p.Rejected))
	}
	b.bar.Describe(text)
	if b.size < 0 {
		_ = b.bar.Add(0)
		return
	}
	_ = b.bar.Set64(min(p.Bytes, b.size))
}

func (b *importBar) end() { _ = b.bar.Clear() }

// count prints a number with a comma before every third digit from the right.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// seconds prints a duration as a person reads it.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
