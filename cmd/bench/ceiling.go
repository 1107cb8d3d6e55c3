package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/osteele/liquid"
	"github.com/osteele/liquid/render"
	gomail "github.com/wneessen/go-mail"

	"posthorn/templates"
)

// ceiling is what a program without any memory of its mails reaches: as many
// goroutines as connections, each of which renders the template with Liquid as the
// library comes, and sends it with go-mail's own SendWithSMTPClient (no NOOP). No
// database, no queue, no record.
func ceiling(ctx context.Context, version templates.Version, port, mails, connections int) (round, error) {
	engine := liquid.NewEngine()
	plain := liquid.NewEngine()
	engine.SetAutoEscapeReplacer(render.HtmlEscaper)
	html, err := engine.ParseString(version.HTML)
	if err != nil {
		return round{}, fmt.Errorf("ceiling: %w", err)
	}
	text, err := plain.ParseString(version.Text)
	if err != nil {
		return round{}, fmt.Errorf("ceiling: %w", err)
	}
	subject, err := plain.ParseString(version.Subject)
	if err != nil {
		return round{}, fmt.Errorf("ceiling: %w", err)
	}
	client, goErr := gomail.NewClient("127.0.0.1", gomail.WithPort(port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithoutNoop())
	if goErr != nil {
		return round{}, goErr
	}
	one := func(i int64) (*gomail.Msg, error) {
		data := map[string]any{
			"contact": map[string]any{"external_id": fmt.Sprint(i), "first_name": fmt.Sprint("Zoë ", i), "last_name": "Weber", "country": "Finland",
				"email": fmt.Sprintf("customer-%d@web.example", i)},
			"unsubscribe_url": fmt.Sprintf("https://mail.shop.example/u/%d", i),
		}
		parts := [3]string{}
		for p, t := range []*liquid.Template{subject, text, html} {
			out, err := t.RenderString(data)
			if err != nil { // of a concrete type: never to be returned as it is
				return nil, fmt.Errorf("render: %v", err)
			}
			parts[p] = out
		}
		msg := gomail.NewMsg()
		if err := msg.From("news@shop.example"); err != nil {
			return nil, err
		}
		if err := msg.To(fmt.Sprintf("customer-%d@web.example", i)); err != nil {
			return nil, err
		}
		msg.Subject(parts[0])
		msg.SetDate()
		msg.SetMessageIDWithValue(fmt.Sprintf("%d.ceiling@shop.example", i))
		msg.SetBodyString(gomail.TypeTextPlain, parts[1])
		msg.AddAlternativeString(gomail.TypeTextHTML, parts[2])
		return msg, nil
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
				msg, err := one(i)
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
