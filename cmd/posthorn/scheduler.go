package main

import (
	"context"

	"posthorn/postgres"
)

type schedulerCmd struct{}

// Run sweeps until ctx ends.
func (c *schedulerCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	log := cfg.logger(std)
	s, err := openServices(ctx, cfg, log, "scheduler", 0)
	if err != nil {
		return err
	}
	defer s.close()
	if err := postgres.CheckSchema(ctx, s.pool); err != nil {
		return err
	}
	log.Info("scheduler starts", "version", buildVersion())
	defer log.Info("scheduler has ended")
	return s.run(ctx, s.runScheduler)
}
