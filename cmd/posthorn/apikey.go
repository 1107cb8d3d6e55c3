package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"posthorn/internal/clock"
	"posthorn/internal/fault"
	"posthorn/users"
)

type apikeyCmd struct {
	Create apikeyCreateCmd `cmd:"" help:"Make a key and print it. It is not stored and cannot be shown again."`
	List   apikeyListCmd   `cmd:"" help:"List the active keys."`
	Revoke apikeyRevokeCmd `cmd:"" help:"Revoke a key for good."`
}

type apikeyCreateCmd struct {
	Name string     `arg:"" help:"Who or what will use the key."`
	Role users.Role `enum:"owner,marketer,ops,shop" default:"owner" placeholder:"ROLE" help:"What it may do: owner (everything), marketer, ops, or shop (brings data in, reads nothing) (default owner)."`
}

// Run prints the key alone on stdout, for scripts.
func (c *apikeyCreateCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	key, _, err := users.CreateAPIKey(ctx, pool, clock.System(), c.Name, c.Role)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, key)
	return err
}

type apikeyListCmd struct{}

func (c *apikeyListCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	keys, err := users.ListAPIKeys(ctx, pool)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "name\trole\tkey\tmade\tlast used")
	for _, k := range keys {
		fmt.Fprintf(out, "%s\t%s\t%s…\t%s\t%s\n", k.Name, k.Role, k.Prefix, k.CreatedAt.Format(time.DateOnly), whenOrNever(k.LastUsedAt))
	}
	return out.Flush()
}

// whenOrNever is a time in a list, or "never".
func whenOrNever(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

type apikeyRevokeCmd struct {
	Name string `arg:"" help:"The key's name."`
}

func (c *apikeyRevokeCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	keys, err := users.ListAPIKeys(ctx, pool)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Name == c.Name {
			return users.RevokeAPIKey(ctx, pool, clock.System(), k.ID)
		}
	}
	return fault.NotFoundf("active key", c.Name)
}
