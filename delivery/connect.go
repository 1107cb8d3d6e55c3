package delivery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"posthorn/relays"
)

// settings are what a connection depends on; where they change, it is replaced.
type settings struct {
	host               string
	port               int
	tls                string
	encoding           string
	username, password string
}

func settingsOf(r relays.Relay) settings {
	return settings{host: r.Host, port: r.Port, tls: r.TLS, encoding: r.Encoding, username: r.Username, password: r.Password}
}

// ErrBusy says that all of a relay's connections stayed lent for as long as Acquire
// was to wait.
var ErrBusy = errors.New("delivery: all connections to the relay are in use")

// ConnectError says that no connection to a relay could be made. Its outcome holds
// for every mail that was to be sent: Unreachable where trying again later may
// help; Permanent where it will not, because the relay refuses the login or TLS
// does not fit (ReasonLoginFailed, ReasonTLSFailed).
type ConnectError struct{ Outcome Outcome }

func (e *ConnectError) Error() string {
	return fmt.Sprintf("delivery: no connection to the relay (%s): %s", e.Outcome.Reason, e.Outcome.Detail)
}

// open connects on the newest settings.
func (c *Conn) open(ctx context.Context) *Outcome {
	c.pools.mu.Lock()
	relay := c.pool.relay
	c.pools.mu.Unlock()

	s, out := dial(ctx, relay, c.pools.opt)
	if out != nil {
		return out
	}
	c.s = s
	c.pools.opt.Logger.Debug("connected to relay", "relay", relay.Name, "tls", relay.TLS)
	return nil
}

// dial connects, encrypts and logs in. Exactly one of its results is nil.
func dial(ctx context.Context, r relays.Relay, opt Options) (*session, *Outcome) {
	return dialNoting(ctx, r, opt, nil)
}

// Steps of connecting, as a test shows them.
const (
	stepConnect  = "connect"
	stepGreeting = "greeting"
	stepTLS      = "tls"
	stepHello    = "hello"
	stepLogin    = "login"
)

// dialNoting is dial, and tells note of each step, where there is one.
func dialNoting(ctx context.Context, r relays.Relay, opt Options, note func(step string, took time.Duration, seen string, failed *Outcome)) (*session, *Outcome) {
	began := time.Now()
	dialer := net.Dialer{Timeout: opt.DialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(r.Host, strconv.Itoa(r.Port)))
	if err != nil {
		out := connectFailed(ctx, "connect", err)
		if note != nil {
			note(stepConnect, time.Since(began), "", out)
		}
		return nil, out
	}
	if note != nil {
		note(stepConnect, time.Since(began), conn.RemoteAddr().String(), nil)
	}
	s := &session{conn: conn, opt: opt, settings: settingsOf(r), fresh: true, note: note}
	stop := context.AfterFunc(ctx, s.interrupt)
	out := s.greet(ctx, r)
	if !stop() && out == nil { // the deadline may already be the past
		out = interrupted()
	}
	if out != nil {
		s.close()
		return nil, out
	}
	return s, nil
}

// greet takes a connection from TCP to ready for MAIL.
func (s *session) greet(ctx context.Context, r relays.Relay) *Outcome {
	config := s.opt.TLSConfig.Clone()
	config.ServerName = r.Host

	stream := s.conn
	if r.TLS == relays.TLSImplicit {
		secured := tls.Client(s.conn, config)
		if out := s.step(stepTLS, func() (string, *Outcome) {
			if err := s.within(ctx, func() error { return secured.HandshakeContext(ctx) }); err != nil {
				return "", tlsFailed(ctx, err)
			}
			return describeTLS(secured.ConnectionState()), nil
		}); out != nil {
			return out
		}
		stream = secured
	}
	if out := s.step(stepGreeting, func() (string, *Outcome) {
		err := s.within(ctx, func() (err error) {
			s.client, err = smtp.NewClient(stream, r.Host)
			return err
		})
		if err != nil {
			return "", connectFailed(ctx, "greeting", err)
		}
		return "", nil
	}); out != nil {
		return out
	}
	s.client.SkipSMTPUTF8(true) // all addresses are ASCII
	if out := s.step(stepHello, func() (string, *Outcome) {
		if err := s.within(ctx, func() error { return s.client.Hello(s.opt.HelloName) }); err != nil {
			return "", connectFailed(ctx, "EHLO", err)
		}
		return s.offered(), nil
	}); out != nil {
		return out
	}
	if r.TLS == relays.TLSStartTLS {
		if out := s.step(stepTLS, func() (string, *Outcome) {
			if ok, _ := s.client.Extension("STARTTLS"); !ok {
				return "", &Outcome{Class: Permanent, Scope: ScopeConnection, Reason: ReasonTLSFailed, Detail: "the relay does not offer STARTTLS"}
			}
			if err := s.within(ctx, func() error { return s.client.StartTLS(config) }); err != nil {
				return "", tlsFailed(ctx, err)
			}
			state, _ := s.client.TLSConnectionState()
			return describeTLS(state), nil
		}); out != nil {
			return out
		}
	}
	if r.Username == "" {
		return nil
	}
	return s.step(stepLogin, func() (string, *Outcome) {
		auth, mechanism, out := s.login(r)
		if out != nil {
			return "", out
		}
		if err := s.within(ctx, func() error { return s.client.Auth(auth) }); err != nil {
			return "", loginFailed(ctx, err)
		}
		return mechanism, nil
	})
}

// step takes one step and tells of it.
func (s *session) step(name string, take func() (seen string, failed *Outcome)) *Outcome {
	began := time.Now()
	seen, out := take()
	if s.note != nil {
		s.note(name, time.Since(began), seen, out)
	}
	return out
}

// offered lists the extensions that matter to us.
func (s *session) offered() string {
	var list []string
	for _, name := range []string{"STARTTLS", "AUTH", "PIPELINING", "8BITMIME", "SIZE", "ENHANCEDSTATUSCODES"} {
		if ok, more := s.client.Extension(name); ok {
			list = append(list, strings.TrimSpace(name+" "+more))
		}
	}
	if len(list) == 0 {
		return "no extensions"
	}
	return oneLine(strings.Join(list, ", "))
}

func describeTLS(state tls.ConnectionState) string {
	words := tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		c := state.PeerCertificates[0]
		words += ", certificate of " + cmp.Or(c.Subject.CommonName, strings.Join(c.DNSNames, " ")) + " until " + c.NotAfter.UTC().Format(time.DateOnly)
	}
	return oneLine(words)
}

// login chooses how to log in. Plain text comes first: it works everywhere, and
// it is only used where nobody can listen.
func (s *session) login(r relays.Relay) (auth smtp.Auth, mechanism string, out *Outcome) {
	private := r.TLS != relays.TLSNone || r.Loopback()
	if !private {
		return nil, "", &Outcome{Class: Permanent, Scope: ScopeConnection, Reason: ReasonLoginFailed,
			Detail: "the password would cross the network in the clear"}
	}
	_, offered := s.client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		return smtp.PlainAuth("", r.Username, r.Password, r.Host, private), "PLAIN", nil
	case slices.Contains(mechanisms, "LOGIN"):
		return smtp.LoginAuth(r.Username, r.Password, r.Host, private), "LOGIN", nil
	case slices.Contains(mechanisms, "CRAM-MD5"):
		return smtp.CRAMMD5Auth(r.Username, r.Password), "CRAM-MD5", nil
	case slices.Contains(mechanisms, "SCRAM-SHA-256"):
		return smtp.ScramSHA256Auth(r.Username, r.Password), "SCRAM-SHA-256", nil
	}
	detail := "the relay offers no login (AUTH); leave the user name out, or use the port and TLS at which it does"
	if len(mechanisms) > 0 {
		detail = "the relay offers no login that is known here, but only AUTH " + offered
	}
	return nil, "", &Outcome{Class: Permanent, Scope: ScopeConnection, Reason: ReasonLoginFailed, Detail: oneLine(detail)}
}

// connectFailed classifies trouble before there is anything to log in to. It is
// always Unreachable: even a 5xx greeting is about us, not about any mail.
func connectFailed(ctx context.Context, step string, err error) *Outcome {
	if ctx.Err() != nil {
		return interrupted()
	}
	out := &Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonRelayUnreachable, Detail: oneLine(step + ": " + err.Error())}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		out.fill(reply)
		out.Reason = ReasonRelayRefused
		if reply.Code/100 == 4 {
			out.Reason = ReasonRelayBusy
		}
	}
	return out
}

// tlsFailed tells a certificate or a protocol that does not fit, which stays so
// until somebody changes the settings, from a connection that broke.
func tlsFailed(ctx context.Context, err error) *Outcome {
	out := connectFailed(ctx, "TLS", err)
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case out.Reason == ReasonInterrupted, out.Code/100 == 4:
	case out.Code/100 == 5, errors.As(err, &certificate), errors.As(err, &plain),
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"):
		out.Class, out.Reason = Permanent, ReasonTLSFailed
	}
	return out
}

// loginFailed tells a refused login from a relay that cannot check it now and
// from a connection that broke.
func loginFailed(ctx context.Context, err error) *Outcome {
	out := connectFailed(ctx, "AUTH", err)
	if out.Code/100 == 5 || out.Code == 0 && out.Reason != ReasonInterrupted && !broken(err) {
		out.Class, out.Reason = Permanent, ReasonLoginFailed
	}
	return out
}

func interrupted() *Outcome {
	return &Outcome{Class: Unreachable, Scope: ScopeConnection, Reason: ReasonInterrupted, Detail: "stopped before the mail was offered"}
}
