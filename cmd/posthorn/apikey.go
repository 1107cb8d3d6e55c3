package main

import (
	"context"
	"fmt"

	"posthorn/internal/clock"
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
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	key, err := web.CreateAPIKey(ctx, pool, clock.System(), c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, key)
	return err
}
