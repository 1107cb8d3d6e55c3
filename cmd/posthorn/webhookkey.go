package main

import (
	"fmt"

	"posthorn/webhooks"
)

type webhookKeyCmd struct{}

// Run prints the key alone on stdout, for scripts.
func (*webhookKeyCmd) Run(cfg *Config, std streams) error {
	if err := cfg.haveSecret(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.out, webhooks.Key(cfg.Secret))
	return err
}
