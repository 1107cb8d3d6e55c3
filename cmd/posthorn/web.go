package main

import (
	"context"

	"posthorn/postgres"
)

type webCmd struct{}

// Run answers requests until ctx ends.
func (c *webCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	log := cfg.logger(std)
	if err := cfg.needSecret(log); err != nil {
		return err
	}
	s, err := openServices(ctx, cfg, log, "web", 0)
	if err != nil {
		return err
	}
	defer s.close()
	if err := postgres.CheckSchema(ctx, s.pool); err != nil {
		return err
	}
	l, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	s.greet(ctx)
	log.Info("web serves", "version", buildVersion(), "listen", l.Addr().String(), "docs", baseURLOf(l.Addr().String())+"/api/docs")
	defer log.Info("web has ended")
	return s.run(ctx, s.web(l))
}
