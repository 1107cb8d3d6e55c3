package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

type healthCmd struct {
	Path string `default:"/readyz" help:"What to ask for (default /readyz)."`
}

// healthTimeout is longer than what the server allows itself for its own checks.
const healthTimeout = 8 * time.Second

// Run fails where the server at POSTHORN_LISTEN does not answer with 200.
func (c *healthCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURLOf(cfg.Listen)+"/"+strings.TrimPrefix(c.Path, "/"), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return fmt.Errorf("%s: %s: %s", req.URL, res.Status, strings.TrimSpace(string(body)))
	}
	_, err = fmt.Fprintln(std.out, res.Status)
	return err
}
