package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"posthorn/internal/smtptest"
	"posthorn/relays"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// aMail is a mail with everything in it.
func aMail() Mail {
	return Mail{
		From:               mail.Address{Name: "Käthe's \"Coffee\" Shop", Address: "news@shop.example"},
		To:                 "anna@example.com",
		Subject:            "Neuer Kaffee für Anna – 20 % günstiger",
		HTML:               "<p>Grüße</p>\r\n.\r\n..\n<p>" + strings.Repeat("long ", 400) + "</p>",
		Text:               "Grüße\n.\nQUIT\n",
		MessageID:          "0b7d2a2e-8f0e-4a56-9d5c-0a1b2c3d4e5f.1234567@shop.example",
		Date:               time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		ListID:             "news.shop.example",
		ListUnsubscribeURL: "https://mail.shop.example/u/AbCdEf0123456789",
	}
}

func relayOf(s *smtptest.Server) relays.Relay {
	return relays.Relay{Name: "default", Host: s.Host, Port: s.Port, TLS: relays.TLSNone, Connections: 4,
		UpdatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// newPools returns pools with timeouts that nothing should reach; a test of a
// timeout sets its own.
func newPools(t *testing.T, opt Options) *Pools {
	t.Helper()
	opt.Logger = slog.New(slog.DiscardHandler)
	opt.HelloName = "test.example"
	p := NewPools(opt)
	t.Cleanup(p.Close)
	return p
}

const longEnough = 30 * time.Second

func acquire(t *testing.T, p *Pools, r relays.Relay) *Conn {
	t.Helper()
	c, err := p.Acquire(t.Context(), r, longEnough)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSend(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()
	for range 3 {
		out := c.Send(t.Context(), aMail())
		if out.Class != Accepted || out.Code != 250 || out.Enhanced != "2.0.0" || out.Reason != "" || out.Scope != "" {
			t.Fatalf("outcome %+v", out)
		}
		mails := s.Mails()
		last := mails[len(mails)-1]
		if out.QueueID != last.QueueID {
			t.Errorf("queue id %q, want %q", out.QueueID, last.QueueID)
		}
		if last.From != "news@shop.example" || last.To != "anna@example.com" || last.MessageID != aMail().MessageID {
			t.Errorf("accepted %s -> %s, %s", last.From, last.To, last.MessageID)
		}
	}
	if total, _ := s.Connections(); total != 1 {
		t.Errorf("%d connections for 3 mails, want 1", total)
	}
	for _, superfluous := range []string{"RSET", "NOOP", "MAIL FROM:<news@shop.example> BODY=8BITMIME SMTPUTF8"} {
		if n := s.Count(superfluous); n != 0 {
			t.Errorf("%d times %s", n, superfluous)
		}
	}
}

// TestOutcomes drives a failure into every phase of a mail. Nothing but a mail
// whose 250 arrived, or whose answer was lost, may be in the relay's hands.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	type rule = smtptest.Rule
	tests := []struct {
		name string
		rule rule
		want Outcome // Detail: must be contained
		open bool    // the connection survives
	}{
		{"sender refused", rule{Phase: smtptest.Mail, Reply: "550 5.1.8 who are you?"},
			Outcome{Class: Permanent, Scope: ScopeSender, Reason: ReasonSenderRefused, Code: 550, Enhanced: "5.1.8", Detail: "who are you?"}, true},
		{"sender deferred", rule{Phase: smtptest.Mail, Reply: "451 4.7.1 slow down"},
			Outcome{Class: Temporary, Scope: ScopeSender, Reason: ReasonSenderDeferred, Code: 451, Enhanced: "4.7.1"}, true},
		{"relay out of disk", rule{Phase: smtptest.Mail, Reply: "452 4.3.1 insufficient system storage"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonRelayBusy, Code: 452, Enhanced: "4.3.1"}, true},
		{"login wanted", rule{Phase: smtptest.Mail, Reply: "530 5.7.0 Must issue a STARTTLS command first"},
			Outcome{Class: Permanent, Scope: ScopeConnection, Reason: ReasonRelayingDenied, Code: 530, Enhanced: "5.7.0"}, true},
		{"closing at MAIL", rule{Phase: smtptest.Mail, Reply: "421 4.3.2 shutting down"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonRelayBusy, Code: 421, Enhanced: "4.3.2"}, false},
		{"cut at MAIL", rule{Phase: smtptest.Mail, Cut: true},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonConnectionLost, Detail: "at MAIL"}, false},
		{"nonsense at MAIL", rule{Phase: smtptest.Mail, Reply: "what?"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonProtocolError}, false},
		{"354 at MAIL", rule{Phase: smtptest.Mail, Reply: "354 go ahead"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonProtocolError, Code: 354, Detail: "go ahead"}, false},
		{"bad sequence", rule{Phase: smtptest.Mail, Reply: "503 5.5.1 nested MAIL command"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonProtocolError, Code: 503, Enhanced: "5.5.1"}, false},

		{"no such user", rule{Phase: smtptest.Rcpt, Reply: "550-5.1.1 The account does not exist.\n550-5.1.1 Please check\n550 5.1.1 the address"},
			Outcome{Class: Permanent, Scope: ScopeRecipient, Reason: ReasonRecipientRefused, Code: 550, Enhanced: "5.1.1", Detail: "The account does not exist. Please check the address"}, true},
		{"no enhanced code", rule{Phase: smtptest.Rcpt, Reply: "550 no"},
			Outcome{Class: Permanent, Scope: ScopeRecipient, Reason: ReasonRecipientRefused, Code: 550, Detail: "no"}, true},
		{"greylisted", rule{Phase: smtptest.Rcpt, Reply: "450 4.2.0 greylisted"},
			Outcome{Class: Temporary, Scope: ScopeRecipient, Reason: ReasonRecipientDeferred, Code: 450, Enhanced: "4.2.0"}, true},
		{"relaying denied", rule{Phase: smtptest.Rcpt, Reply: "554 5.7.1 <x>: Relay access denied"},
			Outcome{Class: Permanent, Scope: ScopeConnection, Reason: ReasonRelayingDenied, Code: 554, Enhanced: "5.7.1"}, true},
		{"sender refused at RCPT", rule{Phase: smtptest.Rcpt, Reply: "553 5.1.8 sender domain not found"},
			Outcome{Class: Permanent, Scope: ScopeSender, Reason: ReasonSenderRefused, Code: 553, Enhanced: "5.1.8"}, true},
		{"closing at RCPT", rule{Phase: smtptest.Rcpt, Reply: "421 too many errors"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonRelayBusy, Code: 421}, false},
		{"cut at RCPT", rule{Phase: smtptest.Rcpt, Cut: true},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonConnectionLost, Detail: "at RCPT"}, false},

		{"DATA refused", rule{Phase: smtptest.Data, Reply: "554 5.5.0 no"},
			Outcome{Class: Permanent, Scope: ScopeContent, Reason: ReasonContentRefused, Code: 554, Enhanced: "5.5.0"}, true},
		{"DATA deferred", rule{Phase: smtptest.Data, Reply: "451 4.7.0 later"},
			Outcome{Class: Temporary, Scope: ScopeContent, Reason: ReasonContentDeferred, Code: 451, Enhanced: "4.7.0"}, true},
		{"250 at DATA", rule{Phase: smtptest.Data, Reply: "250 fine"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonProtocolError, Code: 250}, false},
		{"cut at DATA", rule{Phase: smtptest.Data, Cut: true},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonConnectionLost, Detail: "at DATA"}, false},

		{"content refused", rule{Phase: smtptest.Dot, Reply: "550 5.7.1 looks like spam"},
			Outcome{Class: Permanent, Scope: ScopeContent, Reason: ReasonContentRefused, Code: 550, Enhanced: "5.7.1"}, true},
		{"too big", rule{Phase: smtptest.Dot, Reply: "552 5.3.4 too big"},
			Outcome{Class: Permanent, Scope: ScopeContent, Reason: ReasonContentRefused, Code: 552, Enhanced: "5.3.4"}, true},
		{"recipient refused after the dot", rule{Phase: smtptest.Dot, Reply: "550 5.2.1 mailbox disabled"},
			Outcome{Class: Permanent, Scope: ScopeRecipient, Reason: ReasonRecipientRefused, Code: 550, Enhanced: "5.2.1"}, true},
		{"sender refused after the dot", rule{Phase: smtptest.Dot, Reply: "550 5.1.7 bad sender"},
			Outcome{Class: Permanent, Scope: ScopeSender, Reason: ReasonSenderRefused, Code: 550, Enhanced: "5.1.7"}, true},
		{"content deferred", rule{Phase: smtptest.Dot, Reply: "451 4.7.1 scanner is busy"},
			Outcome{Class: Temporary, Scope: ScopeContent, Reason: ReasonContentDeferred, Code: 451, Enhanced: "4.7.1"}, true},
		{"mailbox full after the dot", rule{Phase: smtptest.Dot, Reply: "452 4.2.2 mailbox full"},
			Outcome{Class: Temporary, Scope: ScopeRecipient, Reason: ReasonRecipientDeferred, Code: 452, Enhanced: "4.2.2"}, true},
		{"closing instead of accepting", rule{Phase: smtptest.Dot, Reply: "421 4.3.0 shutting down"},
			Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonRelayBusy, Code: 421, Enhanced: "4.3.0"}, false},
		{"other reply of class 2", rule{Phase: smtptest.Dot, Keep: true, Reply: "251 2.1.5 forwarded"},
			Outcome{Class: Accepted, Code: 251, Enhanced: "2.1.5"}, true},

		{"answer lost, mail taken", rule{Phase: smtptest.Dot, Keep: true, Cut: true},
			Outcome{Class: Unknown, Reason: ReasonReplyLost, Detail: "after the end of content"}, false},
		{"answer lost, mail not taken", rule{Phase: smtptest.Dot, Cut: true},
			Outcome{Class: Unknown, Reason: ReasonReplyLost}, false},
		{"nonsense for an answer", rule{Phase: smtptest.Dot, Keep: true, Reply: "wonderful"},
			Outcome{Class: Unknown, Reason: ReasonReplyLost}, false},
		{"354 for an answer", rule{Phase: smtptest.Dot, Reply: "354 more"},
			Outcome{Class: Unknown, Reason: ReasonReplyLost}, false},

		{"RSET fails after the mail", rule{Phase: smtptest.Reset, Reply: "421 bye"}, Outcome{Class: Accepted, Code: 250, Enhanced: "2.0.0"}, true},
	}
	for _, test := range tests {
		test.rule.Times = 1
		for name, without := range map[string][]string{"pipelined": nil, "step by step": {"PIPELINING"}} {
			t.Run(test.name+", "+name, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, smtptest.Options{Without: without})
				s.Script(test.rule)
				c := acquire(t, newPools(t, Options{}), relayOf(s))
				defer c.Release()

				got := c.Send(t.Context(), aMail())
				compare(t, got, test.want)
				if c.Usable() != test.open {
					t.Errorf("connection usable %v, want %v", c.Usable(), test.open)
				}
				kept := 0
				if test.want.Class == Accepted || test.rule.Keep {
					kept = 1
				}
				if n := len(s.Mails()); n != kept {
					t.Fatalf("the relay took %d mails, want %d", n, kept)
				}
				if !test.open && s.Count("QUIT") > 0 {
					t.Error("QUIT on a broken connection")
				}

				// Whatever happened, the next mail goes through, and is not mixed up with this one.
				next := aMail()
				next.MessageID = "next@shop.example"
				if out := c.Send(t.Context(), next); out.Class != Accepted {
					t.Fatalf("the next mail: %+v", out)
				}
				mails := s.Mails()
				if len(mails) != kept+1 || mails[kept].MessageID != next.MessageID {
					t.Errorf("the relay took %d mails, the last %q", len(mails), mails[len(mails)-1].MessageID)
				}
				want := 1
				if !test.open {
					want = 2
				}
				if total, _ := s.Connections(); total != want {
					t.Errorf("%d connections, want %d", total, want)
				}
			})
		}
	}
}

// compare checks an outcome; the wanted Detail need only be part of it.
func compare(t *testing.T, got, want Outcome) {
	t.Helper()
	if !strings.Contains(got.Detail, want.Detail) {
		t.Errorf("detail %q does not hold %q", got.Detail, want.Detail)
	}
	got.Detail, want.Detail = "", ""
	if got.Class == Accepted && want.QueueID == "" {
		got.QueueID = ""
	}
	if got != want {
		t.Errorf("outcome\n got %+v\nwant %+v", got, want)
	}
}

// TestCutInContent cuts the connection while a mail is under way that is far
// larger than the socket's buffers: not all of it can have left.
func TestCutInContent(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	s.Script(smtptest.Rule{Phase: smtptest.Content, After: 10_000, Cut: true, Times: 1})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()

	m := aMail()
	m.HTML = strings.Repeat("<p>All work and no play makes Jack a dull boy</p>\n", 400_000)
	out := c.Send(t.Context(), m)
	compare(t, out, Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonConnectionLost, Detail: "at content"})
	if len(s.Mails()) != 0 || s.Count("QUIT") != 0 || s.Count(".") != 0 {
		t.Errorf("a truncated mail was completed: %d mails, commands %q", len(s.Mails()), s.Commands())
	}
	if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
		t.Errorf("the next mail: %+v", out)
	}
}

// TestSilence lets each timeout pass.
func TestSilence(t *testing.T) {
	t.Parallel()
	const short = 200 * time.Millisecond
	tests := []struct {
		name  string
		phase smtptest.Phase
		opt   Options
		want  Outcome
	}{
		{"MAIL", smtptest.Mail, Options{CommandTimeout: short}, Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonNoReply, Detail: "at MAIL"}},
		{"RCPT", smtptest.Rcpt, Options{CommandTimeout: short}, Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonNoReply, Detail: "at RCPT"}},
		{"DATA", smtptest.Data, Options{CommandTimeout: short}, Outcome{Class: Temporary, Scope: ScopeConnection, Reason: ReasonNoReply, Detail: "at DATA"}},
		{"final dot", smtptest.Dot, Options{DotTimeout: short}, Outcome{Class: Unknown, Reason: ReasonReplyLate, Detail: "after the end of content"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, smtptest.Options{})
			s.Script(smtptest.Rule{Phase: test.phase, Hang: true})
			c := acquire(t, newPools(t, test.opt), relayOf(s))
			defer c.Release()
			compare(t, c.Send(t.Context(), aMail()), test.want)
			if c.Usable() || s.Count("QUIT") > 0 {
				t.Error("a silent connection is used further")
			}
		})
	}
}

// TestSlowDot shows that the final dot has a timeout of its own.
func TestSlowDot(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	s.Script(smtptest.Rule{Phase: smtptest.Dot, Delay: 1500 * time.Millisecond})
	c := acquire(t, newPools(t, Options{CommandTimeout: time.Second}), relayOf(s))
	defer c.Release()
	if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
		t.Errorf("outcome %+v", out)
	}
}

// TestInterrupt ends the context while the relay is silent: before the content
// that gives the mail up at once, after it the mail is finished.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, phase := range []smtptest.Phase{smtptest.Mail, smtptest.Rcpt, smtptest.Data} {
		t.Run("before the content, at "+string(phase), func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, smtptest.Options{})
			s.Script(smtptest.Rule{Phase: phase, Hang: true})
			c := acquire(t, newPools(t, Options{}), relayOf(s))
			defer c.Release()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				s.WaitCommands(t, string(phase), 1)
				cancel()
			}()
			compare(t, c.Send(ctx, aMail()), Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonInterrupted})
			if len(s.Mails()) != 0 {
				t.Error("the mail was sent")
			}
		})
	}
	t.Run("before anything", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.Options{})
		c := acquire(t, newPools(t, Options{}), relayOf(s))
		defer c.Release()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		compare(t, c.Send(ctx, aMail()), Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonInterrupted})
		if s.Count("MAIL") != 0 || !c.Usable() {
			t.Error("the connection was touched")
		}
	})
	t.Run("after the final dot", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.Options{})
		goOn := make(chan struct{})
		s.Script(smtptest.Rule{Phase: smtptest.Dot, Until: goOn})
		c := acquire(t, newPools(t, Options{}), relayOf(s))
		defer c.Release()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			s.WaitCommands(t, ".", 1)
			cancel()
			close(goOn)
		}()
		if out := c.Send(ctx, aMail()); out.Class != Accepted || !c.Usable() {
			t.Errorf("outcome %+v, usable %v", out, c.Usable())
		}
	})
}

// TestConnect fails each step on the way to a usable connection.
func TestConnect(t *testing.T) {
	t.Parallel()
	type rule = smtptest.Rule
	login := smtptest.Options{Username: "u", Password: "p"}
	starttls := smtptest.Options{TLS: "starttls", Username: "u", Password: "p"}
	tests := []struct {
		name   string
		server smtptest.Options
		rule   rule
		relay  func(*relays.Relay)
		trust  bool
		want   Outcome
	}{
		{"busy", smtptest.Options{}, rule{Phase: smtptest.Connect, Reply: "421 4.7.0 too many connections"}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayBusy, Code: 421, Enhanced: "4.7.0", Detail: "too many connections"}},
		{"refused", smtptest.Options{}, rule{Phase: smtptest.Connect, Reply: "554 no service"}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayRefused, Code: 554}},
		{"cut at once", smtptest.Options{}, rule{Phase: smtptest.Connect, Cut: true}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayUnreachable, Detail: "greeting"}},
		{"silent", smtptest.Options{}, rule{Phase: smtptest.Connect, Hang: true}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayUnreachable, Detail: "greeting"}},
		{"EHLO refused", smtptest.Options{}, rule{Phase: smtptest.Hello, Reply: "550 who?"}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayRefused, Code: 550}},

		{"wrong password", login, rule{}, func(r *relays.Relay) { r.Password = "wrong" }, true,
			Outcome{Class: Permanent, Reason: ReasonLoginFailed, Code: 535, Enhanced: "5.7.8", Detail: "authentication failed"}},
		{"login not now", login, rule{Phase: smtptest.Auth, Reply: "454 4.7.0 directory is down"}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayBusy, Code: 454, Enhanced: "4.7.0"}},
		{"cut at login", login, rule{Phase: smtptest.Auth, Cut: true}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayUnreachable}},
		{"no login offered", smtptest.Options{}, rule{}, nil, true,
			Outcome{Class: Permanent, Reason: ReasonLoginFailed, Detail: "offers no login"}},
		{"unknown mechanism", smtptest.Options{Username: "u", Auth: []string{"GSSAPI"}}, rule{}, nil, true,
			Outcome{Class: Permanent, Reason: ReasonLoginFailed, Detail: "AUTH GSSAPI"}},
		{"clear password over a network", login, rule{}, func(r *relays.Relay) { r.Host = "posthorn-test.invalid" }, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayUnreachable}}, // no such host; see TestClearPassword

		{"STARTTLS not offered", login, rule{}, func(r *relays.Relay) { r.TLS = relays.TLSStartTLS }, true,
			Outcome{Class: Permanent, Reason: ReasonTLSFailed, Detail: "does not offer STARTTLS"}},
		{"STARTTLS refused", starttls, rule{Phase: smtptest.StartTLS, Reply: "502 5.5.1 no"}, nil, true,
			Outcome{Class: Permanent, Reason: ReasonTLSFailed, Code: 502, Enhanced: "5.5.1"}},
		{"STARTTLS not now", starttls, rule{Phase: smtptest.StartTLS, Reply: "454 4.7.0 no entropy"}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayBusy, Code: 454, Enhanced: "4.7.0"}},
		{"cut at STARTTLS", starttls, rule{Phase: smtptest.StartTLS, Cut: true}, nil, true,
			Outcome{Class: Unreachable, Reason: ReasonRelayUnreachable}},
		{"STARTTLS with an unknown certificate", starttls, rule{}, nil, false,
			Outcome{Class: Permanent, Reason: ReasonTLSFailed, Detail: "certificate"}},
		{"TLS with an unknown certificate", smtptest.Options{TLS: "tls"}, rule{}, nil, false,
			Outcome{Class: Permanent, Reason: ReasonTLSFailed, Detail: "certificate"}},
		{"TLS to a plain port", smtptest.Options{Lenient: true}, rule{}, func(r *relays.Relay) { r.TLS = relays.TLSImplicit }, true,
			Outcome{Class: Permanent, Reason: ReasonTLSFailed, Detail: "TLS"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, test.server)
			s.Script(test.rule)
			r := relayOf(s)
			r.Username, r.Password = "u", "p"
			if test.server.TLS != "" {
				r.TLS = test.server.TLS
			}
			if test.relay != nil {
				test.relay(&r)
			}
			opt := Options{}
			if test.trust {
				opt.TLSConfig = s.ClientTLS()
			}
			if test.rule.Hang {
				opt.CommandTimeout = 200 * time.Millisecond
			}
			c, err := newPools(t, opt).Acquire(t.Context(), r, longEnough)
			var refused *ConnectError
			if !errors.As(err, &refused) {
				t.Fatalf("conn %v, error %v; want a ConnectError", c, err)
			}
			test.want.Scope = ScopeConnection
			compare(t, refused.Outcome, test.want)
			s.WaitOpen(t, 0) // go-mail's own dial leaves failed connections open
			for _, line := range s.Commands() {
				if strings.HasPrefix(line, "MAIL") {
					t.Error("MAIL on a connection that is not ready")
				}
			}
		})
	}

	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.Options{})
		s.Down()
		_, err := newPools(t, Options{}).Acquire(t.Context(), relayOf(s), longEnough)
		var refused *ConnectError
		if !errors.As(err, &refused) {
			t.Fatalf("error %v, want a ConnectError", err)
		}
		compare(t, refused.Outcome, Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonRelayUnreachable, Detail: "refused"})
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		s := smtptest.New(t, smtptest.Options{})
		s.Script(smtptest.Rule{Phase: smtptest.Hello, Hang: true})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			s.WaitCommands(t, "EHLO", 1)
			cancel()
		}()
		if _, err := newPools(t, Options{}).Acquire(ctx, relayOf(s), longEnough); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
}

// TestSecure sends through each way of protection and login.
func TestSecure(t *testing.T) {
	t.Parallel()
	for _, protection := range []string{relays.TLSNone, relays.TLSStartTLS, relays.TLSImplicit} {
		for _, mechanism := range []string{"", "PLAIN", "LOGIN"} {
			t.Run(protection+" "+mechanism, func(t *testing.T) {
				t.Parallel()
				opt := smtptest.Options{TLS: protection}
				if mechanism != "" {
					opt.Username, opt.Password, opt.Auth = "user", "p\u00e4ss word", []string{mechanism}
				}
				s := smtptest.New(t, opt)
				r := relayOf(s)
				r.TLS, r.Username, r.Password = protection, opt.Username, opt.Password
				c := acquire(t, newPools(t, Options{TLSConfig: s.ClientTLS()}), r)
				defer c.Release()
				for range 2 {
					if out := c.Send(t.Context(), aMail()); out.Class != Accepted {
						t.Fatalf("outcome %+v", out)
					}
				}
				if got := s.Count("AUTH "+mechanism) > 0; got != (mechanism != "") {
					t.Errorf("login %v, commands %q", got, s.Commands())
				}
				if got := s.Count("STARTTLS") > 0; got != (protection == relays.TLSStartTLS) {
					t.Errorf("STARTTLS %v", got)
				}
			})
		}
	}
}

// TestClearPassword: even settings that relays.Put would refuse do not make us
// send a password in the clear.
func TestClearPassword(t *testing.T) {
	t.Parallel()
	s := &session{}
	auth, _, out := s.login(relays.Relay{Host: "smtp.example.com", TLS: relays.TLSNone, Username: "u", Password: "p"})
	if auth != nil || out == nil || out.Reason != ReasonLoginFailed || out.Class != Permanent {
		t.Errorf("auth %v, outcome %+v", auth, out)
	}
}

// TestTLSConfigIsCloned guards the caller's config.
func TestTLSConfigIsCloned(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{TLS: "tls"})
	config := s.ClientTLS()
	r := relayOf(s)
	r.TLS = relays.TLSImplicit
	acquire(t, newPools(t, Options{TLSConfig: config}), r).Release()
	if config.ServerName != "" || config.MinVersion != tls.VersionTLS12 {
		t.Errorf("the config was changed: %q", config.ServerName)
	}
}
