// Package smtptest is an SMTP server for tests that keeps every mail it accepts
// and fails where it is told to: with any reply in any phase, by silence, by
// hanging up in the middle of a mail, or by losing the answer to a mail it took.
//
//	relay := smtptest.New(t, smtptest.Options{})
//	relay.Script(smtptest.Rule{Phase: smtptest.Rcpt, To: "gone@example.com", Reply: "550 5.1.1 no such user"})
//	… send through relay.Host and relay.Port …
//	mails := relay.WaitMails(t, 3)
//
// It reads from the socket itself rather than through an SMTP library, because
// what it is for is to break the protocol. On its own side it is strict: a client
// that breaks RFC 5321 (bare LF, lines too long, 8-bit content, commands out of
// sequence) fails the test.
package smtptest

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Phase is a point at which the server answers, and at which a Rule may act.
type Phase string

// The phases of a connection.
const (
	Connect  Phase = "connect" // the greeting
	Hello    Phase = "EHLO"
	StartTLS Phase = "STARTTLS"
	Auth     Phase = "AUTH" // the verdict on a login
	Mail     Phase = "MAIL"
	Rcpt     Phase = "RCPT"
	Data     Phase = "DATA"    // before the content
	Content  Phase = "content" // in the middle of it, after Rule.After bytes
	Dot      Phase = "."       // after the final dot
	Reset    Phase = "RSET"
	Quit     Phase = "QUIT"
)

// Rule is one thing that goes wrong. The first rule that matches acts; where none
// does, the server behaves.
type Rule struct {
	Phase Phase
	To    string // only for this recipient (Rcpt and later); "": for any
	Skip  int    // let so many occasions pass first
	Times int    // act so often, then no more; 0: always

	Reply string          // what to answer, e.g. "450 4.2.1 later"; lines are split at \n; "": as if there were no rule, unless Hang or Cut
	Delay time.Duration   // wait so long first
	Until <-chan struct{} // wait until it is closed first
	Hang  bool            // never answer
	Cut   bool            // close the connection, after the Reply if there is one
	Keep  bool            // at Dot: the mail counts as accepted whatever is answered
	After int             // at Content: act once so many bytes have come
}

// Options say how the server is to be reached.
type Options struct {
	TLS      string   // "", "none", "starttls" or "tls"; the certificate is for 127.0.0.1 and localhost
	Username string   // where set, MAIL needs a login
	Password string   //
	Without  []string // extensions not to offer, of PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES
	Auth     []string // mechanisms offered; nil: PLAIN and LOGIN, where Username is set
	Lenient  bool     // a client that breaks the protocol does not fail the test
}

// Accepted is a mail that the server took.
type Accepted struct {
	From, To  string // of the envelope
	Content   []byte // as sent, without dot-stuffing
	MessageID string // without <>
	QueueID   string // as told to the client
	Conn      int    // on which connection, counted from 1
}

// Message parses the mail.
func (a Accepted) Message(t testing.TB) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(a.Content))
	if err != nil {
		t.Fatalf("smtptest: accepted mail: %v", err)
	}
	return m
}

// Server is a running server. All methods are safe for concurrent use.
type Server struct {
	Host string
	Port int

	opt  Options
	cert tls.Certificate
	pool *tls.Config // for clients

	mu       sync.Mutex
	changed  *sync.Cond
	listener net.Listener
	conns    map[net.Conn]bool
	rules    []*scripted
	mails    []Accepted
	commands []string
	wrong    []string
	total    int // connections so far
	maxOpen  int
	down     bool
	gone     chan struct{} // closed by Down
	running  sync.WaitGroup
}

type scripted struct {
	Rule
	seen int // occasions so far
}

// New starts a server that ends with the test, which fails if a client broke the
// protocol.
func New(t testing.TB, opt Options) *Server {
	t.Helper()
	s := &Server{opt: opt, conns: map[net.Conn]bool{}}
	s.changed = sync.NewCond(&s.mu)
	if opt.TLS == "starttls" || opt.TLS == "tls" {
		var err error
		if s.cert, s.pool, err = certificate(); err != nil {
			t.Fatalf("smtptest: make certificate: %v", err)
		}
	}
	if err := s.listen("127.0.0.1:0"); err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	addr := s.listener.Addr().(*net.TCPAddr)
	s.Host, s.Port = addr.IP.String(), addr.Port
	t.Cleanup(func() {
		s.Down()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range s.wrong {
			if opt.Lenient {
				break
			}
			t.Errorf("smtptest: the client broke the protocol: %s", w)
		}
	})
	return s
}

// ClientTLS trusts the server's certificate; nil without TLS.
func (s *Server) ClientTLS() *tls.Config { return s.pool }

// Script adds rules. Earlier rules go first.
func (s *Server) Script(rules ...Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rules {
		s.rules = append(s.rules, &scripted{Rule: r})
	}
}

// ClearScript removes all rules.
func (s *Server) ClearScript() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Down stops listening and cuts all connections, like a relay that crashes.
func (s *Server) Down() {
	s.mu.Lock()
	if !s.down {
		s.down = true
		_ = s.listener.Close()
		close(s.gone)
	}
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Up listens again on the same port.
func (s *Server) Up(t testing.TB) {
	t.Helper()
	if err := s.listen(net.JoinHostPort(s.Host, portString(s.Port))); err != nil {
		t.Fatalf("smtptest: %v", err)
	}
}

// Mails returns what was accepted, in order.
func (s *Server) Mails() []Accepted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// patience bounds how long a test waits for what must come.
const patience = 30 * time.Second

// WaitMails waits until at least n mails were accepted and returns them.
func (s *Server) WaitMails(t testing.TB, n int) []Accepted {
	t.Helper()
	s.wait(t, "mails", func() bool { return len(s.mails) >= n })
	return s.Mails()
}

// WaitOpen waits until exactly n connections are open.
func (s *Server) WaitOpen(t testing.TB, n int) {
	t.Helper()
	s.wait(t, "connections", func() bool { return len(s.conns) == n })
}

// WaitCommands waits until n commands beginning with prefix have come.
func (s *Server) WaitCommands(t testing.TB, prefix string, n int) {
	t.Helper()
	s.wait(t, prefix, func() bool { return count(s.commands, prefix) >= n })
}

func (s *Server) wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	timer := time.AfterFunc(patience, s.changed.Broadcast)
	defer timer.Stop()
	giveUp := time.Now().Add(patience)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !done() {
		if !time.Now().Before(giveUp) {
			t.Fatalf("smtptest: waited %s for %s: %d mails, %d open connections, commands %q", patience, what, len(s.mails), len(s.conns), s.commands)
		}
		s.changed.Wait()
	}
}

// Commands returns all command lines that came, of all connections, in order. What
// a login consists of is left out.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Count returns how many commands beginning with prefix came, e.g. "RSET".
func (s *Server) Count(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return count(s.commands, prefix)
}

func count(commands []string, prefix string) int {
	n := 0
	for _, c := range commands {
		if strings.HasPrefix(strings.ToUpper(c), strings.ToUpper(prefix)) {
			n++
		}
	}
	return n
}

// Connections returns how many connections were made so far, and how many at most
// were open at once.
func (s *Server) Connections() (total, maxOpen int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, s.maxOpen
}
