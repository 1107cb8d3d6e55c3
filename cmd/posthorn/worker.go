package main

import (
	"context"

	"posthorn/postgres"
)

type workerCmd struct{ workerFlags }

// Run works until ctx ends.
func (c *workerCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	log := cfg.logger(std)
	if err := cfg.needSecret(log); err != nil {
		return err
	}
	s, err := openServices(ctx, cfg, log, "worker", max(c.Concurrency, 1))
	if err != nil {
		return err
	}
	defer s.close()
	s.retry, s.helo = c.Retry, c.HeloName
	if err := postgres.CheckSchema(ctx, s.pool); err != nil {
		return err
	}
	log.Info("worker starts", "version", buildVersion())
	defer log.Info("worker has ended")
	return s.run(ctx, s.runWorker)
}
