package delivery

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/smtptest"
	"posthorn/relays"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	const password = "hunter2 is secret"
	test := &Mail{From: mail.Address{Address: "ops@shop.example"}, To: "me@x.example", Subject: "Test", Text: "Hello\n",
		MessageID: "1@shop.example", Date: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)}
	for name, c := range map[string]struct {
		server smtptest.Options
		script []smtptest.Rule
		change func(*relays.Relay)
		mail   *Mail
		want   string // names of the steps; one that failed with its reason
		detail string // part of the last step's
		mails  int
	}{
		"plain":                {want: "connect greeting hello quit"},
		"STARTTLS and a login": {server: smtptest.Options{TLS: "starttls", Username: "u", Password: password}, want: "connect greeting hello tls login quit"},
		"implicit TLS":         {server: smtptest.Options{TLS: "tls"}, want: "connect tls greeting hello quit"},
		"with a mail":          {mail: test, want: "connect greeting hello mail quit", mails: 1},
		"nobody there":         {change: func(r *relays.Relay) { r.Port = 1 }, want: "connect:relay_unreachable", detail: "refused"},
		"a wrong password": {server: smtptest.Options{TLS: "starttls", Username: "u", Password: password},
			script: []smtptest.Rule{{Phase: smtptest.Auth, Reply: "535 5.7.8 no: " + password + " for u@x.example"}},
			want:   "connect greeting hello tls login:login_failed", detail: "no: (secret) for …@…"},
		"no STARTTLS":      {change: func(r *relays.Relay) { r.TLS = relays.TLSStartTLS }, want: "connect greeting hello tls:tls_failed", detail: "does not offer"},
		"busy":             {script: []smtptest.Rule{{Phase: smtptest.Connect, Reply: "421 4.3.2 later"}}, want: "connect greeting:relay_busy", detail: "later"},
		"recipient unwell": {mail: test, script: []smtptest.Rule{{Phase: smtptest.Rcpt, Reply: "550 5.1.1 <me@x.example> unknown"}}, want: "connect greeting hello mail:recipient_refused", detail: "<…@…> unknown"},
		"no QUIT":          {script: []smtptest.Rule{{Phase: smtptest.Quit, Cut: true}}, want: "connect greeting hello quit:relay_unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.New(t, c.server)
			server.Script(c.script...)
			r := relays.Relay{Name: "default", Host: server.Host, Port: server.Port, TLS: c.server.TLS, Username: c.server.Username}
			if r.TLS == "" {
				r.TLS = relays.TLSNone
			}
			if r.Username != "" {
				r.Password = password
			}
			if c.change != nil {
				c.change(&r)
			}
			steps := Probe(t.Context(), r, Options{TLSConfig: server.ClientTLS(), HelloName: "test.example"}, c.mail)
			var got []string
			for i, s := range steps {
				text := s.Name
				if !s.OK {
					text += ":" + s.Reason
				}
				got = append(got, text)
				if s.OK == (s.Reason != "") || s.Took < 0 || !s.OK && i != len(steps)-1 {
					t.Errorf("%+v", s)
				}
				if strings.Contains(s.Detail, password) || strings.Contains(s.Detail, "x.example") {
					t.Errorf("it tells too much: %+v", s)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if last := steps[len(steps)-1]; !strings.Contains(last.Detail, c.detail) {
				t.Errorf("%+v, want %q", last, c.detail)
			}
			if n := len(server.Mails()); n != c.mails {
				t.Errorf("%d mails", n)
			}
			if i := slices.Index(got, "tls"); i >= 0 && !strings.Contains(steps[i].Detail, "TLS 1.3, certificate of ") {
				t.Errorf("%+v", steps[i])
			}
		})
	}
}

func TestAProbeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t, smtptest.Options{})
	server.Script(smtptest.Rule{Phase: smtptest.Hello, Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	steps := Probe(ctx, relays.Relay{Host: server.Host, Port: server.Port, TLS: relays.TLSNone}, Options{}, nil)
	if last := steps[len(steps)-1]; last.OK || last.Name != "hello" || last.Reason != ReasonInterrupted {
		t.Errorf("%+v", steps)
	}
}
