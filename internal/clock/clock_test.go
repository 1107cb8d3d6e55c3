package clock

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// source is a database's clock that a test can move.
type source struct {
	off  time.Duration
	away bool
}

func (s *source) ask(context.Context) (time.Time, error) {
	if s.away {
		return time.Time{}, errors.New("away")
	}
	return time.Now().Add(s.off), nil
}

func TestSharedFollowsItsSource(t *testing.T) {
	t.Parallel()
	const near = 10 * time.Second // far more than any test machine dawdles, far less than what is told apart
	src := &source{off: -36 * time.Hour}
	ctx := context.Background()
	shared, err := NewShared(ctx, slog.New(slog.DiscardHandler), src.ask)
	if err != nil {
		t.Fatal(err)
	}
	off := func(want time.Duration, when string) {
		t.Helper()
		if got := time.Until(shared.Now()); (got - want).Abs() > near {
			t.Errorf("%s: off by %s, want %s", when, got, want)
		}
	}
	off(-36*time.Hour, "from the start")
	src.away = true
	if shared.look(ctx) == nil {
		t.Error("no error while the source is away")
	}
	off(-36*time.Hour, "while the source is away")
	src.away, src.off = false, -35*time.Hour
	off(-36*time.Hour, "before it looks again")
	if err := shared.look(ctx); err != nil {
		t.Fatal(err)
	}
	off(-35*time.Hour, "after the source jumped ahead")
	src.off = -37 * time.Hour
	if err := shared.look(ctx); err != nil {
		t.Fatal(err)
	}
	off(-37*time.Hour, "after the source jumped back")
}

func TestSharedNeedsItsSourceAtTheStart(t *testing.T) {
	t.Parallel()
	src := &source{away: true}
	if _, err := NewShared(context.Background(), slog.New(slog.DiscardHandler), src.ask); err == nil {
		t.Fatal("no error")
	}
}

// A small difference may be the way's: following it would make time run back and
// forth by the noise of the network.
func TestSharedLetsSmallDifferencesBe(t *testing.T) {
	t.Parallel()
	src := &source{}
	shared, err := NewShared(context.Background(), slog.New(slog.DiscardHandler), src.ask)
	if err != nil {
		t.Fatal(err)
	}
	was := shared.at
	src.off = slack / 10
	if err := shared.look(context.Background()); err != nil || shared.at != was {
		t.Fatalf("followed a difference of %s (%v)", src.off, err)
	}
}
