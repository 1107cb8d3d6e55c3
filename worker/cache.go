package worker

import (
	"context"
	"sync"
	"time"

	"posthorn/messages"
	"posthorn/postgres"
	"posthorn/relays"
	"posthorn/senders"
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

// book reads settings at most every bookFresh, so that a changed password, rate or
// key takes effect soon without a query per mail.
type book[T any] struct {
	read func(ctx context.Context, db postgres.DB, name string) (T, error)
	mu   sync.Mutex
	held map[string]page[T]
}

type page[T any] struct {
	value T
	read  time.Time
}

const bookFresh = 2 * time.Second

func (b *book[T]) get(ctx context.Context, db postgres.DB, now time.Time, name string) (T, error) {
	b.mu.Lock()
	p, ok := b.held[name]
	b.mu.Unlock()
	if ok && now.Sub(p.read) < bookFresh {
		return p.value, nil
	}
	v, err := b.read(ctx, db, name)
	if err != nil {
		return v, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = map[string]page[T]{}
	}
	b.held[name] = page[T]{value: v, read: now}
	return v, nil
}

// relayBook holds relays by name.
func relayBook(secret string) book[relays.Relay] {
	return book[relays.Relay]{read: func(ctx context.Context, db postgres.DB, name string) (relays.Relay, error) {
		return relays.Get(ctx, db, secret, name)
	}}
}

// signerBook holds what signs, by sender address.
func signerBook(secret string) book[[]senders.Signer] {
	return book[[]senders.Signer]{read: func(ctx context.Context, db postgres.DB, address string) ([]senders.Signer, error) {
		return senders.Signers(ctx, db, secret, address)
	}}
}

// rulesBook holds the sending rules: there is one page.
func rulesBook() book[messages.SendingRules] {
	return book[messages.SendingRules]{read: func(ctx context.Context, db postgres.DB, _ string) (messages.SendingRules, error) {
		return messages.GetSendingRules(ctx, db)
	}}
}
