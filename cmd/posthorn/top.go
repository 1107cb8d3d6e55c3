package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"posthorn/internal/clock"
	"posthorn/postgres"
	"posthorn/queues"
	"posthorn/tasks"
)

type topCmd struct {
	Once bool `help:"Print once and end; so it does anyway where its output is not a terminal."`
}

const (
	topEvery = time.Second
	topWidth = 80 // where the terminal does not say
)

// Run shows the queues until somebody presses q.
func (c *topCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	if err := cfg.needRedis(); err != nil {
		return err
	}
	pool, err := openDatabase(ctx, cfg, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	client, err := tasks.Open(ctx, cfg.RedisURL)
	if err != nil {
		return err
	}
	defer client.Close()
	log := cfg.logger(streams{err: io.Discard}) // the screen is for the figures
	shared, err := clock.NewShared(ctx, log, func(ctx context.Context) (time.Time, error) { return postgres.Now(ctx, pool) })
	if err != nil {
		return fmt.Errorf("postgres: ask for the time: %w", err)
	}
	go shared.Run(ctx)
	t := top{desk: queues.NewDesk(pool, client, shared.Now), now: shared.Now, out: std.out}
	screen, ok := std.out.(*os.File)
	if c.Once || !ok || !isTerminal(screen) {
		return t.once(ctx)
	}
	return t.live(ctx, screen, std.in)
}

// top draws what a desk sees.
type top struct {
	desk *queues.Desk
	now  clock.Clock
	out  io.Writer
	last queues.Overview
	seen time.Time // when last was; zero: never
}

// once prints the figures as plain text.
func (t *top) once(ctx context.Context) error {
	o, err := t.desk.Look(ctx, 0)
	if err != nil {
		return err
	}
	for _, l := range drawTop(o, t.now(), topWidth) {
		if _, err := fmt.Fprintln(t.out, l.text); err != nil {
			return err
		}
	}
	return nil
}

// What a terminal is told (ECMA-48): the other screen is left as it was found.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	plain       = "\x1b[0m"
)

var styles = map[style]string{heading: "\x1b[1m", faint: "\x1b[2m", warning: "\x1b[33m", alarm: "\x1b[31m"}

// live draws every second, until q, Ctrl-C or the end of ctx.
func (t *top) live(ctx context.Context, screen *os.File, in io.Reader) error {
	keys := make(chan byte)
	if keyboard, ok := in.(*os.File); ok && isTerminal(keyboard) {
		// Raw: keys come one by one, and nobody but us hears of Ctrl-C.
		before, err := term.MakeRaw(int(keyboard.Fd()))
		if err != nil {
			return fmt.Errorf("top: %w", err)
		}
		defer func() { _ = term.Restore(int(keyboard.Fd()), before) }()
		go readKeys(keyboard, keys)
	}
	fmt.Fprint(screen, enterScreen)
	defer fmt.Fprint(screen, leaveScreen)
	size := func() (width, height int) {
		width, height, err := term.GetSize(int(screen.Fd()))
		if err != nil || width < 1 || height < 1 {
			return topWidth, 24
		}
		return width, height
	}
	return t.loop(ctx, keys, size)
}

// readKeys hands on each key. It cannot be told to end, and ends with the process.
func readKeys(keyboard io.Reader, keys chan<- byte) {
	var key [1]byte
	for {
		if _, err := keyboard.Read(key[:]); err != nil {
			return
		}
		keys <- key[0]
	}
}

func (t *top) loop(ctx context.Context, keys <-chan byte, size func() (width, height int)) error {
	tick := time.NewTicker(topEvery)
	defer tick.Stop()
	for {
		if err := t.frame(ctx, size); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case key := <-keys:
			if key == 'q' || key == 'Q' || key == 3 || key == 4 { // Ctrl-C, Ctrl-D
				return nil
			}
		case <-tick.C:
		}
	}
}

// frame draws once. Where there is nothing new to see, it shows what was seen last,
// and says so.
func (t *top) frame(ctx context.Context, size func() (width, height int)) error {
	look, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	o, err := t.desk.Look(look, 0)
	width, height := size()
	var lines []line
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil:
		t.last, t.seen = o, t.now()
		lines = drawTop(o, t.seen, width)
	default:
		lines = append(lines, line{alarm, fit("Postgres cannot be asked: "+oneLine(err), width)})
		if !t.seen.IsZero() {
			lines = append(lines, line{warning, fit("as it was "+t.seen.Format(time.TimeOnly)+" UTC:", width)})
			lines = append(lines, drawTop(t.last, t.seen, width)...)
		}
	}
	foot := line{faint, fit("q ends", width)}
	if len(lines) > height-1 {
		lines = lines[:max(height-1, 0)]
		foot.text = fit("q ends · the window is too low for all", width)
	}
	var b strings.Builder
	b.WriteString(home)
	for _, l := range append(lines, foot) {
		b.WriteString(styles[l.style] + l.text + plain + clearLine + "\r\n")
	}
	screen := strings.TrimSuffix(b.String(), "\r\n") + clearBelow
	_, err = io.WriteString(t.out, screen)
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
