package smtptest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func (s *Server) send(to string) error {
	return smtp.SendMail(net.JoinHostPort(s.Host, portString(s.Port)), nil, "a@shop.example", []string{to},
		[]byte("Message-ID: <"+to+">\r\nSubject: x\r\n\r\n.hello\r\n..\r\n"))
}

func code(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	for i := range 3 {
		if err := s.send(fmt.Sprintf("c%d@example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	mails := s.WaitMails(t, 3)
	last := mails[2]
	if last.From != "a@shop.example" || last.To != "c2@example.com" || last.MessageID != "c2@example.com" || last.QueueID != "Q3" || last.Conn != 3 {
		t.Errorf("%+v", last)
	}
	if body, err := io.ReadAll(last.Message(t).Body); err != nil || string(body) != ".hello\r\n..\r\n" {
		t.Errorf("body %q, %v", body, err)
	}
	if total, open := s.Connections(); total != 3 || open < 1 {
		t.Errorf("%d connections, %d at once", total, open)
	}
	if n := s.Count("rcpt to:<c1@"); n != 1 {
		t.Errorf("%d times RCPT", n)
	}
	s.WaitOpen(t, 0)
}

func TestRules(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	s.Script(
		Rule{Phase: Rcpt, To: "GONE@example.com", Reply: "550 5.1.1 no such user"},
		Rule{Phase: Rcpt, To: "twice@example.com", Skip: 1, Times: 2, Reply: "450 4.2.0 later"},
		Rule{Phase: Dot, To: "lost@example.com", Cut: true, Keep: true},
		Rule{Phase: Dot, To: "dropped@example.com", Cut: true},
	)
	for i, want := range []struct {
		to   string
		code int
		ok   bool
	}{
		{"gone@example.com", 550, false},
		{"twice@example.com", 0, true}, {"twice@example.com", 450, false}, {"twice@example.com", 450, false}, {"twice@example.com", 0, true},
		{"lost@example.com", 0, false},
		{"dropped@example.com", 0, false},
		{"other@example.com", 0, true},
	} {
		if err := s.send(want.to); code(err) != want.code || (err == nil) != want.ok {
			t.Errorf("%d, %s: %v", i, want.to, err)
		}
	}
	var to []string
	for _, m := range s.Mails() {
		name, _, _ := strings.Cut(m.To, "@")
		to = append(to, name)
	}
	if got := strings.Join(to, " "); got != "twice twice lost other" {
		t.Errorf("accepted: %s", got)
	}
	s.ClearScript()
	if err := s.send("gone@example.com"); err != nil {
		t.Error(err)
	}
}

func TestDownAndUp(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	s.Script(Rule{Phase: Mail, Hang: true, Times: 1}, Rule{Phase: Mail, Skip: 0, Times: 1, Until: make(chan struct{})})
	done := make(chan error)
	for n := range 2 {
		go func() { done <- s.send("a@example.com") }()
		s.WaitCommands(t, "MAIL", n+1)
	}
	s.Down() // ends both those that hang and those that wait
	for range 2 {
		if err := <-done; err == nil {
			t.Error("a mail was taken while the server hung")
		}
	}
	if err := s.send("a@example.com"); err == nil {
		t.Error("the server is still up")
	}
	s.Up(t)
	if err := s.send("a@example.com"); err != nil {
		t.Error(err)
	}
}

// TestStrict speaks the protocol wrongly.
func TestStrict(t *testing.T) {
	t.Parallel()
	hello := "EHLO x\r\n"
	mail := hello + "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
	for say, want := range map[string]string{
		"MAIL FROM:<a@b.example>\r\n":                 "MAIL before EHLO",
		hello + "RCPT TO:<c@d.example>\r\n":           "RCPT before MAIL",
		hello + "DATA\r\n":                            "DATA before RCPT",
		hello + "BDAT 1\r\n":                          "unknown command",
		"EHLO x\n":                                    "bare CR or LF",
		mail + "a\rb\r\n.\r\n":                        "bare CR or LF",
		mail + "ä\r\n.\r\n":                           "8-bit",
		mail + strings.Repeat("x", 999) + "\r\n.\r\n": "998",
		mail + "\x00\r\n.\r\n":                        "NUL",
		mail + ".\r\nRSET\r\n":                        "",
	} {
		s := New(t, Options{Lenient: true})
		conn, err := net.Dial("tcp", net.JoinHostPort(s.Host, portString(s.Port)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, say+"QUIT\r\n"); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
		s.Down()
		got := strings.Join(s.wrong, "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%.60q: %q, want %q", say, got, want)
		}
	}
}
