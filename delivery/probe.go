package delivery

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"posthorn/internal/check"
	"posthorn/relays"
)

// Probe tries a relay on a connection of its own, step by step as a mail would: it
// connects, encrypts, logs in, sends m where there is one, and says QUIT. It returns
// the steps up to the first that failed, without credentials and addresses. ctx
// bounds it as a whole, but for the answer to the end of m.
func Probe(ctx context.Context, r relays.Relay, opt Options, m *Mail) []relays.Step {
	var steps []relays.Step
	clean := cleaner(r)
	note := func(name string, took time.Duration, seen string, failed *Outcome) {
		step := relays.Step{Name: name, OK: failed == nil, Took: took.Seconds(), Detail: clean(seen)}
		if failed != nil {
			step.Reason, step.Code, step.Detail = failed.Reason, failed.Code, clean(failed.Detail)
		}
		steps = append(steps, step)
	}
	s, out := dialNoting(ctx, r, opt.withDefaults(), note)
	if out != nil {
		return steps
	}
	if m != nil && !s.probeMail(ctx, *m, note) {
		s.close()
		return steps
	}
	began := time.Now()
	s.expect(quitTimeout)
	out = nil
	if err := s.client.Quit(); err != nil {
		out = connectFailed(ctx, "QUIT", err)
	}
	s.close()
	note("quit", time.Since(began), "", out)
	return steps
}

// probeMail sends a mail and tells how it went. It returns whether the connection is
// fit to go on.
func (s *session) probeMail(ctx context.Context, m Mail, note func(string, time.Duration, string, *Outcome)) bool {
	began := time.Now()
	eightBit, _ := s.client.Extension("8BITMIME")
	e, unfit := render(m, eightBit && s.settings.encoding != relays.EncodingQuotedPrintable, &s.room)
	if unfit != nil {
		note("mail", time.Since(began), "", unfit)
		return false
	}
	out, _ := s.send(ctx, e)
	if out.Class != Accepted {
		note("mail", time.Since(began), "", &out)
		return false
	}
	note("mail", time.Since(began), out.Detail, nil)
	return !s.broken
}

// cleaner takes what must not be shown out of a relay's words: some repeat what they
// were told.
func cleaner(r relays.Relay) func(string) string {
	var secrets []string
	if r.Password != "" {
		plain := "\x00" + r.Username + "\x00" + r.Password
		for _, text := range []string{plain, r.Username + plain, r.Password} {
			secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(text)), "(secret)")
		}
		secrets = append(secrets, r.Password, "(secret)")
	}
	hide := strings.NewReplacer(secrets...)
	return func(words string) string { return check.WithoutAddresses(hide.Replace(words)) }
}
