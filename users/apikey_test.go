package users

import (
	"errors"
	"strings"
	"testing"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/pgtest"
)

func TestCreateAPIKeyNames(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	now := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	create := func(name string) error {
		_, _, err := CreateAPIKey(t.Context(), pool, now, name, Shop)
		return err
	}
	if err := create("shop"); err != nil {
		t.Fatal(err)
	}
	var conflict *fault.Conflict
	if err := create(" shop "); !errors.As(err, &conflict) {
		t.Errorf("a name in use: %v, want a conflict", err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE api_keys SET revoked_at = $1`, now); err != nil {
		t.Fatal(err)
	}
	if err := create("shop"); err != nil {
		t.Errorf("the name of a revoked key: %v", err)
	}
	for _, name := range []string{"", "  ", "a\nb", "a\x00b", "\xff", strings.Repeat("x", 101)} {
		var invalid *fault.Invalid
		if err := create(name); !errors.As(err, &invalid) || invalid.Field != "name" {
			t.Errorf("name %q: %v, want an Invalid of name", name, err)
		}
	}
}

func TestAPIKeyUse(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	key, made, err := CreateAPIKey(ctx, pool, monday, "Shop", Shop)
	if err != nil || made.Role != Shop || !strings.HasPrefix(key, made.Prefix) || len(made.Prefix) != 9 || made.LastUsedAt != nil {
		t.Fatalf("%+v, %v", made, err)
	}
	used := func() time.Time {
		t.Helper()
		list, err := ListAPIKeys(ctx, pool)
		if err != nil || len(list) != 1 || list[0].LastUsedAt == nil {
			t.Fatalf("%+v, %v", list, err)
		}
		return *list[0].LastUsedAt
	}
	// It is noted at most once a minute.
	for _, c := range []struct{ at, want time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {90 * time.Second, time.Minute}, {time.Hour, time.Hour}} {
		got, err := CheckAPIKey(ctx, pool, monday.Add(c.at), key)
		if err != nil || got.ID != made.ID || got.Role != Shop {
			t.Fatalf("%+v, %v", got, err)
		}
		if at := used(); !at.Equal(monday.Add(c.want)) {
			t.Errorf("used at %s: noted %s, want %s", c.at, at.Sub(monday), c.want)
		}
	}
	if _, _, err := CreateAPIKey(ctx, pool, monday, "x", "root"); fields(err) != "role" {
		t.Errorf("a role that is none: %v", err)
	}
	if err := RevokeAPIKey(ctx, pool, monday, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := CheckAPIKey(ctx, pool, monday, key); !errors.Is(err, ErrBadKey) {
		t.Errorf("revoked: %v", err)
	}
	var missing *fault.NotFound
	if err := RevokeAPIKey(ctx, pool, monday, made.ID); !errors.As(err, &missing) {
		t.Errorf("revoked again: %v", err)
	}
	if list, err := ListAPIKeys(ctx, pool); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
