package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Behaviour is what the sandbox does with a recipient.
type Behaviour string

const (
	Accept    Behaviour = ""
	Temporary Behaviour = "temp"     // refused with 451 4.3.0, always
	Permanent Behaviour = "perm"     // refused with 550 5.1.1
	Greylist  Behaviour = "greylist" // refused with 451 4.7.1 the first time, then accepted
	Slow      Behaviour = "slow"     // accepted after slowness
)

// slowness is how long a slow… recipient takes.
const slowness = 2 * time.Second

// Magic returns what the sandbox does with an address, by the letters that its
// local part begins with: temp@, temp-7@ and temporary.office@ are refused for
// now, but tempest@ is an ordinary name.
func Magic(address string) Behaviour {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	rest := strings.TrimLeftFunc(local, unicode.IsLetter)
	switch strings.TrimSuffix(local, rest) {
	case "temp", "temporary", "temperror", "tempfail":
		return Temporary
	case "perm", "permanent", "permerror", "permfail":
		return Permanent
	case "greylist", "graylist":
		return Greylist
	case "slow":
		return Slow
	default:
		return Accept
	}
}

// Limits of the SMTP side.
const (
	maxMessageBytes = 25 << 20
	maxRecipients   = 100
	ioTimeout       = 5 * time.Minute
)

func (s *Sandbox) newServer() *smtp.Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{sandbox: s}, nil
	}))
	srv.Domain = "sandbox.localhost"
	srv.MaxMessageBytes = maxMessageBytes
	srv.MaxRecipients = maxRecipients
	srv.ReadTimeout = ioTimeout
	srv.WriteTimeout = ioTimeout
	srv.EnableSMTPUTF8 = true
	srv.AllowInsecureAuth = true // any login is good here
	srv.ErrorLog = smtpLog{s}
	return srv
}

// ServeSMTP accepts mails from l until Close.
func (s *Sandbox) ServeSMTP(l net.Listener) error {
	if err := s.server.Serve(l); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
		return fmt.Errorf("sandbox: smtp: %w", err)
	}
	return nil
}

// Close ends the SMTP side: it waits for mails under way until ctx ends.
func (s *Sandbox) Close(ctx context.Context) {
	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
}

// session is one SMTP connection.
type session struct {
	sandbox *Sandbox
	from    string
	to      []string
	slow    bool
}

func (c *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error { return nil }), nil
}

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	c.from = from
	return nil
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.sandbox.refuse(to); err != nil {
		return err
	}
	c.slow = c.slow || Magic(to) == Slow
	c.to = append(c.to, to)
	return nil
}

// refuse returns the reply for a recipient that is not accepted, and counts it.
func (s *Sandbox) refuse(to string) error {
	behaviour := Magic(to)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case behaviour == Permanent:
		s.stats.Refused++
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such mailbox (sandbox: perm…)"}
	case behaviour == Temporary:
		s.stats.Deferred++
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Not now, try again later (sandbox: temp…)"}
	case behaviour == Greylist && !s.greylist[to]:
		s.stats.Deferred++
		s.greylist[to] = true
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again in a moment (sandbox: greylist…)"}
	default:
		return nil
	}
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if c.slow {
		time.Sleep(slowness)
	}
	c.sandbox.keep(c.from, c.to, raw)
	return nil
}

func (c *session) Reset() { c.from, c.to, c.slow = "", nil, false }

func (c *session) Logout() error { return nil }

// smtpLog takes what go-smtp has to say about broken connections.
type smtpLog struct{ s *Sandbox }

func (l smtpLog) Printf(format string, v ...any) {
	l.s.opts.Log.Debug("sandbox smtp", "message", fmt.Sprintf(format, v...))
}

func (l smtpLog) Println(v ...any) {
	l.s.opts.Log.Debug("sandbox smtp", "message", fmt.Sprint(v...))
}
