package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"posthorn/internal/clock"
	"posthorn/postgres"
	"posthorn/users"
	"posthorn/web"
)

// shop delivers orders over the API, as a shop's outbox would: in batches, one after
// the other, and each again until it was answered.
type shop struct {
	url, key string
	client   *http.Client

	requests, lost, away int // in all; without an answer; answered with 503
}

// openShop makes a key for a shop that delivers to the given address.
func openShop(ctx context.Context, db postgres.DB, listen string) (*shop, error) {
	key, _, err := users.CreateAPIKey(ctx, db, clock.System(), "shop", users.Owner)
	if err != nil {
		return nil, err
	}
	return &shop{url: "http://" + listen + "/api/v1/orders/batch", key: key, client: &http.Client{Timeout: 30 * time.Second}}, nil
}

// ports are handed out one by one, so that rounds beside each other get different ones.
var ports atomic.Int32

// freeAddress finds an address to listen at, also again after a kill: its port is below
// those that systems give to outgoing connections.
func freeAddress() (string, error) {
	var l net.Listener
	var err error
	for range 100 {
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+(os.Getpid()*7+int(ports.Add(1)))%10_000))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}

const (
	deliveries  = 100  // batches, where that does not make them too large
	batchSize   = 1000 // orders that the API takes at once
	answerLimit = 2 * time.Minute
)

// buy has the shop deliver the orders, spread over the time, some of them more than once.
func (s *storm) buy(ctx context.Context, o options) error {
	random := rand.New(rand.NewPCG(o.seed, 3))
	parts := max(deliveries, (o.orders+batchSize-1)/batchSize)
	for part := range parts {
		rest(ctx, time.Until(s.began.Add(o.spread*time.Duration(part)/time.Duration(parts))))
		var batch []order
		for i := o.orders * part / parts; i < o.orders*(part+1)/parts; i++ {
			batch = append(batch, order{ID: fmt.Sprint("order-", i), Contact: fmt.Sprint(o.recipients + tickers + i + 1), PlacedAt: clock.System(),
				Items: []item{{SKU: "CO-11", Quantity: 1, UnitPrice: "12.50"}}})
		}
		for range 1 + random.IntN(2) {
			if err := s.shop.deliver(ctx, batch); err != nil {
				return fmt.Errorf("deliver orders: %w", err)
			}
		}
	}
	return nil
}

type order struct {
	ID       string    `json:"order_id"`
	Contact  string    `json:"contact_external_id"`
	PlacedAt time.Time `json:"placed_at"`
	Items    []item    `json:"items"`
}

type item struct {
	SKU       string      `json:"sku"`
	Quantity  int         `json:"quantity"`
	UnitPrice json.Number `json:"unit_price"`
}

// deliver sends a batch until it is answered. Its error is an answer that there must
// not be, or that there was none for too long.
func (s *shop) deliver(ctx context.Context, batch []order) error {
	if len(batch) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"items": batch})
	if err != nil {
		return err
	}
	for until := time.Now().Add(answerLimit); ; rest(ctx, 100*time.Millisecond) {
		status, answer, err := s.post(ctx, body)
		s.requests++
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.lost++
		case status == http.StatusServiceUnavailable:
			s.away++
			err = fmt.Errorf("%d: %s", status, answer)
		case status != http.StatusOK:
			return fmt.Errorf("%d: %s", status, answer)
		default:
			var r web.BatchResult
			if err := json.Unmarshal(answer, &r); err != nil {
				return err
			}
			if r.Created+r.Unchanged != len(batch) {
				return fmt.Errorf("of %d orders %d were created and %d known: %s", len(batch), r.Created, r.Unchanged, answer[:min(len(answer), 1000)])
			}
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("no answer within %s: %w", answerLimit, err)
		}
	}
}

func (s *shop) post(ctx context.Context, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	request.Header.Set("Content-Type", "application/json")
	reply, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	answer, err = io.ReadAll(reply.Body)
	return reply.StatusCode, answer, err
}
