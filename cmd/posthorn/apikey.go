package main

import (
	"context"
	"fmt"

	"posthorn/internal/clock"
	"posthorn/postgres"
	"posthorn/web"
)

type apikeyCmd struct {
	Create apikeyCreateCmd `cmd:"" help:"Make a key and print it. It is not stored and cannot be shown again."`
}

type apikeyCreateCmd struct {
	Name string `arg:"" help:"Who or what will use the key."`
}

// Run prints the key alone on stdout, for scripts.
func (c *apikeyCreateCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	if err := cfg.needDatabase(); err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.CheckSchema(ctx, pool); err != nil {
		return err
	}
	key, err := web.CreateAPIKey(ctx, pool, clock.System(), c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, key)
	return err
}
