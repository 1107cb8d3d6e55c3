package main

import (
	"context"
	"fmt"

	"posthorn/postgres"
)

type migrateCmd struct{}

// Run brings the schema up to date and says from which version to which.
func (c *migrateCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	if err := cfg.needDatabase(); err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	from, to, err := postgres.Migrate(ctx, pool)
	if err != nil {
		return err
	}
	if from == to {
		fmt.Fprintf(std.out, "the schema is up to date (version %d)\n", to)
	} else {
		fmt.Fprintf(std.out, "the schema went from version %d to %d\n", from, to)
	}
	return nil
}
