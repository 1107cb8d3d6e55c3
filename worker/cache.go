package worker

import (
	"context"
	"sync"
	"time"

	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/templates"
)

// rendererCache keeps parsed templates: a version never changes, so neither does
// its renderer.
type rendererCache struct {
	mu   sync.Mutex
	held map[templateKey]*templates.Renderer
}

type templateKey struct {
	id      int64
	version int
}

// maxRenderers bounds the memory that old templates hold.
const maxRenderers = 50

func (c *rendererCache) get(ctx context.Context, db postgres.DB, id int64, version int) (*templates.Renderer, error) {
	key := templateKey{id, version}
	c.mu.Lock()
	r := c.held[key]
	c.mu.Unlock()
	if r != nil {
		return r, nil
	}
	v, err := templates.GetVersion(ctx, db, id, version)
	if err != nil {
		return nil, err
	}
	if r, err = templates.NewRenderer(v); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(c.held) >= maxRenderers {
		c.held = map[templateKey]*templates.Renderer{}
	}
	c.held[key] = r
	return r, nil
}

// relayBook reads relays at most every relayFresh, so that a changed password or
// rate takes effect soon without a query per mail.
type relayBook struct {
	secret string
	mu     sync.Mutex
	held   map[string]heldRelay
}

type heldRelay struct {
	relay relays.Relay
	read  time.Time
}

const relayFresh = 2 * time.Second

func (b *relayBook) get(ctx context.Context, db postgres.DB, now time.Time, name string) (relays.Relay, error) {
	b.mu.Lock()
	h, ok := b.held[name]
	b.mu.Unlock()
	if ok && now.Sub(h.read) < relayFresh {
		return h.relay, nil
	}
	r, err := relays.Get(ctx, db, b.secret, name)
	if err != nil {
		return relays.Relay{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = map[string]heldRelay{}
	}
	b.held[name] = heldRelay{relay: r, read: now}
	return r, nil
}
