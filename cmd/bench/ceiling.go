package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	gomail "github.com/wneessen/go-mail"

	"posthorn/templates"
)

// ceiling is what a program without any memory of its mails reaches: as many
// goroutines as connections, each of which renders the template and sends it with
// go-mail's own SendWithSMTPClient (no NOOP). No database, no queue, no record.
func ceiling(ctx context.Context, version templates.Version, port, mails, connections int) (round, error) {
	renderer, err := templates.NewRenderer(version)
	if err != nil {
		return round{}, err
	}
	client, err := gomail.NewClient("127.0.0.1", gomail.WithPort(port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithoutNoop())
	if err != nil {
		return round{}, err
	}
	var next atomic.Int64
	errs := make(chan error, connections)
	before, began := ownCPU(), time.Now()
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			conn, err := client.DialToSMTPClientWithContext(ctx)
			if err != nil {
				errs <- err
				return
			}
			defer conn.Close()
			for i := next.Add(1); i <= int64(mails); i = next.Add(1) {
				facts := templates.SampleFacts()
				facts.Contact.FirstName = fmt.Sprint("Zoë ", i)
				r, err := renderer.Render(ctx, templates.Data{Facts: facts, UnsubscribeURL: fmt.Sprintf("https://mail.shop.example/u/%d", i)})
				if err != nil {
					errs <- err
					return
				}
				msg := gomail.NewMsg()
				err = msg.From("news@shop.example")
				if err == nil {
					err = msg.To(fmt.Sprintf("customer-%d@web.example", i))
				}
				msg.Subject(r.Subject)
				msg.SetDate()
				msg.SetMessageIDWithValue(fmt.Sprintf("%d.ceiling@shop.example", i))
				msg.SetBodyString(gomail.TypeTextPlain, r.Text)
				msg.AddAlternativeString(gomail.TypeTextHTML, r.HTML)
				if err == nil {
					err = client.SendWithSMTPClient(conn, msg)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	senders.Wait()
	select {
	case err := <-errs:
		return round{}, fmt.Errorf("ceiling: %w", err)
	default:
	}
	took := time.Since(began)
	return round{rate: float64(mails) / took.Seconds(), own: (ownCPU() - before) / time.Duration(mails)}, nil
}
