package worker

import (
	"context"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"posthorn/delivery"
	"posthorn/relays"
	"posthorn/tasks"
)

// How long a test of a relay may take: as a whole, and for each step.
const (
	testTimeout     = 20 * time.Second
	testStepTimeout = 8 * time.Second
)

// testRelay tries a relay as a person asked, from here, where mails leave.
func (w *Worker) testRelay(ctx context.Context, row tasks.Row) error {
	host, _ := os.Hostname()
	sender, recipient, ok, err := relays.BeginTest(ctx, w.Pool, w.Clock(), row.Name, row.Epoch, host)
	if err != nil || !ok {
		return err
	}
	steps := w.probe(ctx, row.Name, sender, recipient)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return relays.EndTest(after, w.Pool, w.Clock(), row.Name, row.Epoch, steps, false)
}

func (w *Worker) probe(ctx context.Context, relay, sender, recipient string) []relays.Step {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() { // it does not hold up the worker's end
		select {
		case <-w.stopping:
			cancel()
		case <-over:
		}
	}()
	// As they are now, not as a shift may have read them a moment ago.
	r, err := relays.Get(ctx, w.Pool, w.Secret, relay)
	if err != nil {
		return []relays.Step{{Name: "settings", Detail: err.Error(), Reason: "not_configured"}}
	}
	opt := w.Delivery
	opt.DialTimeout, opt.CommandTimeout, opt.DotTimeout = testStepTimeout, testStepTimeout, testStepTimeout
	if recipient == "" {
		return delivery.Probe(ctx, r, opt, nil)
	}
	sign, err := w.signers.get(ctx, w.Pool, w.Clock(), sender)
	if err != nil {
		return []relays.Step{{Name: "settings", Detail: err.Error(), Reason: "not_configured"}}
	}
	_, domain, _ := strings.Cut(sender, "@")
	return delivery.Probe(ctx, r, opt, &delivery.Mail{
		From:      mail.Address{Address: sender},
		To:        recipient,
		Subject:   fmt.Sprintf("Test of the relay %s", relay),
		Text:      fmt.Sprintf("This is a test of the relay %s (%s:%d), asked for in Posthorn.\n", relay, r.Host, r.Port),
		MessageID: uuid.NewString() + "@" + domain,
		Date:      w.Clock(),
		Sign:      sign,
	})
}
