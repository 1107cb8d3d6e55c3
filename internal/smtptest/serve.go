package smtptest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errEnd = errors.New("the connection ends")

func portString(port int) string { return strconv.Itoa(port) }

func (s *Server) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener, s.down, s.gone = l, false, make(chan struct{})
	gone := s.gone
	s.mu.Unlock()
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.down {
				s.mu.Unlock()
				_ = conn.Close()
				return
			}
			s.total++
			s.conns[conn] = true
			s.maxOpen = max(s.maxOpen, len(s.conns))
			c := &connection{Server: s, raw: conn, number: s.total, gone: gone}
			s.running.Add(1)
			s.changed.Broadcast()
			s.mu.Unlock()
			go func() {
				defer s.running.Done()
				c.serve()
				_ = conn.Close()
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.conns, conn)
				s.changed.Broadcast()
			}()
		}
	}()
	return nil
}

// connection is one client.
type connection struct {
	*Server
	raw      net.Conn // TCP
	stream   net.Conn // raw, or TLS over it
	in       *bufio.Reader
	number   int
	gone     <-chan struct{} // closed when the server goes down
	secure   bool
	loggedIn bool
	greeted  bool
	from, to string // of the transaction; "": not yet
	eightBit bool
	refused  bool // MAIL or RCPT was; what a client has pipelined behind it is no fault of its (RFC 2920 3.1)
}

func (c *connection) serve() {
	c.use(c.raw)
	if c.opt.TLS == "tls" {
		if c.encrypt() != nil {
			return
		}
	}
	if c.answer(Connect, "220 smtptest ESMTP") != nil {
		return
	}
	for {
		line, err := c.line()
		if err != nil {
			return
		}
		c.note(line)
		if c.command(line) != nil {
			return
		}
	}
}

func (c *connection) use(stream net.Conn) {
	c.stream, c.in = stream, bufio.NewReader(stream)
}

func (c *connection) encrypt() error {
	secured := tls.Server(c.raw, &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS12})
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.secure = true
	c.use(secured)
	return nil
}

func (c *connection) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		c.greeted = true
		c.from, c.to = "", ""
		return c.answer(Hello, c.features())
	case "STARTTLS":
		if c.opt.TLS != "starttls" || c.secure {
			return c.reply("502 5.5.1 not offered")
		}
		if err := c.answer(StartTLS, "220 2.0.0 go ahead"); err != nil {
			return err
		}
		c.greeted = false
		return c.encrypt()
	case "AUTH":
		return c.auth(arg)
	case "MAIL":
		return c.mail(arg)
	case "RCPT":
		if c.from == "" {
			c.early("RCPT before MAIL")
			return c.reply("503 5.5.1 MAIL first")
		}
		to, _, ok := path(arg, "TO:")
		if !ok {
			return c.reply("501 5.1.3 bad recipient")
		}
		c.to = to // also while refused, so that a rule can name it
		err := c.answer(Rcpt, "250 2.1.5 Ok")
		if errors.Is(err, errRefused) {
			c.to, c.refused = "", true
			return nil
		}
		return err
	case "DATA":
		return c.data()
	case "RSET":
		c.from, c.to, c.refused = "", "", false
		return c.answer(Reset, "250 2.0.0 Ok")
	case "NOOP":
		return c.reply("250 2.0.0 Ok")
	case "*": // gives up a login (RFC 4954 section 4)
		return c.reply("501 5.0.0 login cancelled")
	case "QUIT":
		// Before the answer: a client that has it may connect again at once.
		c.mu.Lock()
		delete(c.conns, c.raw)
		c.mu.Unlock()
		_ = c.answer(Quit, "221 2.0.0 Bye")
		return errEnd
	}
	c.violation("unknown command " + strconv.Quote(line))
	return c.reply("500 5.5.2 what?")
}

func (c *connection) features() string {
	list := "250-smtptest"
	for _, extension := range []string{"ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SMTPUTF8"} {
		if !slices.Contains(c.opt.Without, extension) {
			list += "\n250-" + extension
		}
	}
	if c.opt.TLS == "starttls" && !c.secure {
		list += "\n250-STARTTLS"
	}
	mechanisms := c.opt.Auth
	if mechanisms == nil && c.opt.Username != "" {
		mechanisms = []string{"PLAIN", "LOGIN"}
	}
	if len(mechanisms) > 0 && (c.secure || c.opt.TLS != "starttls") {
		list += "\n250-AUTH " + strings.Join(mechanisms, " ")
	}
	return list + "\n250 SIZE 52428800"
}

// auth takes PLAIN and LOGIN.
func (c *connection) auth(arg string) error {
	mechanism, initial, _ := strings.Cut(arg, " ")
	ask := func(prompt string) (string, error) {
		if err := c.reply("334 " + base64.StdEncoding.EncodeToString([]byte(prompt))); err != nil {
			return "", err
		}
		line, err := c.line()
		if err != nil {
			return "", err
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		return string(raw), err
	}
	var user, password string
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		raw, err := base64.StdEncoding.DecodeString(initial)
		if err != nil {
			return c.reply("501 5.5.2 not base64")
		}
		parts := strings.Split(string(raw), "\x00")
		if len(parts) != 3 {
			return c.reply("501 5.5.2 not PLAIN")
		}
		user, password = parts[1], parts[2]
	case "LOGIN":
		var err error
		if user, err = ask("Username:"); err != nil {
			return err
		}
		if password, err = ask("Password:"); err != nil {
			return err
		}
	default:
		return c.reply("504 5.5.4 unknown mechanism")
	}
	if user != c.opt.Username || password != c.opt.Password {
		return c.reply("535 5.7.8 authentication failed")
	}
	err := c.answer(Auth, "235 2.7.0 welcome")
	if errors.Is(err, errRefused) {
		return nil
	}
	c.loggedIn = err == nil
	return err
}

func (c *connection) mail(arg string) error {
	switch {
	case !c.greeted:
		c.violation("MAIL before EHLO")
		return c.reply("503 5.5.1 EHLO first")
	case c.from != "":
		c.violation("MAIL within a transaction")
		return c.reply("503 5.5.1 nested MAIL")
	case c.opt.Username != "" && !c.loggedIn:
		return c.reply("530 5.7.0 authentication required")
	}
	from, params, ok := path(arg, "FROM:")
	if !ok {
		return c.reply("501 5.1.7 bad sender")
	}
	c.eightBit = strings.Contains(strings.ToUpper(params), "BODY=8BITMIME")
	err := c.answer(Mail, "250 2.1.0 Ok")
	if errors.Is(err, errRefused) {
		c.refused = true
		return nil
	}
	c.from, c.refused = from, false
	return err
}

// early notes a command that came too early, unless it may have been pipelined.
func (c *connection) early(what string) {
	if !c.refused || slices.Contains(c.opt.Without, "PIPELINING") {
		c.violation(what)
	}
}

func (c *connection) data() error {
	if c.to == "" {
		c.early("DATA before RCPT")
		return c.reply("503 5.5.1 RCPT first")
	}
	if err := c.answer(Data, "354 go ahead"); err != nil {
		if errors.Is(err, errRefused) {
			return nil
		}
		return err
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	c.note(".")
	mail := Accepted{From: c.from, To: c.to, Content: content, MessageID: messageID(content), Conn: c.number}
	rule := c.rule(Dot)
	c.from, c.to = "", ""
	if rule.Reply == "" && !rule.Hang && !rule.Cut || rule.Keep {
		c.mu.Lock()
		mail.QueueID = fmt.Sprintf("Q%d", len(c.mails)+1)
		c.mails = append(c.mails, mail)
		c.changed.Broadcast()
		c.mu.Unlock()
	}
	err = c.act(rule, "250 2.0.0 Ok: queued as "+mail.QueueID)
	if errors.Is(err, errRefused) {
		return nil
	}
	return err
}

// content reads up to the final dot.
func (c *connection) content() ([]byte, error) {
	rule := c.rule(Content)
	acts := rule.Hang || rule.Cut || rule.Delay > 0 || rule.Until != nil
	var all []byte
	for {
		if acts && len(all) >= rule.After {
			acts = false
			if err := c.act(rule, ""); err != nil {
				return nil, err
			}
		}
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		if line == "." {
			return all, nil
		}
		line = strings.TrimPrefix(line, ".")
		if len(line) > 998 {
			c.violation("a line of more than 998 bytes")
		}
		if !c.eightBit && strings.ContainsFunc(line, func(r rune) bool { return r > 127 }) {
			c.violation("8-bit content without BODY=8BITMIME")
		}
		if strings.ContainsRune(line, 0) {
			c.violation("a NUL in the content")
		}
		all = append(append(all, line...), '\r', '\n')
	}
}

// line reads one line without its CRLF.
func (c *connection) line() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	body, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.Contains(body, "\r") {
		c.violation("a bare CR or LF in " + strconv.Quote(line))
	}
	return body, nil
}

var errRefused = errors.New("a rule refused")

// answer gives the usual reply unless a rule has another idea. It returns
// errRefused where a rule's reply is not of the usual class, and another error
// where the connection ends.
func (c *connection) answer(p Phase, usual string) error {
	err := c.act(c.rule(p), usual)
	if errors.Is(err, errRefused) && p != Rcpt && p != Auth && p != Mail && p != Data {
		return nil
	}
	return err
}

func (c *connection) act(r Rule, usual string) error {
	if r.Delay > 0 {
		select {
		case <-time.After(r.Delay):
		case <-c.gone:
		}
	}
	if r.Until != nil {
		select {
		case <-r.Until:
		case <-c.gone:
		}
	}
	if r.Hang {
		_, _ = io.Copy(io.Discard, c.in) // until the client hangs up, or we go down
		return errEnd
	}
	text := r.Reply
	if text == "" && !r.Cut {
		text = usual
	}
	if text != "" {
		if err := c.reply(text); err != nil {
			return err
		}
	}
	if r.Cut || strings.HasPrefix(text, "421") {
		return errEnd
	}
	if usual != "" && text[0] != usual[0] {
		return errRefused
	}
	return nil
}

// rule returns the rule for this occasion; the zero Rule where there is none.
func (c *connection) rule(p Phase) Rule {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.rules {
		if r.Phase != p || r.To != "" && !strings.EqualFold(r.To, c.to) {
			continue
		}
		r.seen++
		if r.seen > r.Skip && (r.Times == 0 || r.seen <= r.Skip+r.Times) {
			return r.Rule
		}
	}
	return Rule{}
}

func (c *connection) reply(text string) error {
	_, err := io.WriteString(c.stream, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
	return err
}

func (c *connection) note(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasPrefix(strings.ToUpper(line), "AUTH ") {
		line = strings.Join(strings.SplitN(line, " ", 3)[:2], " ")
	}
	c.commands = append(c.commands, line)
	c.changed.Broadcast()
}

func (c *connection) violation(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, what)
}

// path reads "FROM:<a@b> PARAMS".
func path(arg, prefix string) (address, params string, ok bool) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", "", false
	}
	end := strings.LastIndex(arg, ">")
	if end < 0 || arg[len(prefix)] != '<' {
		return "", "", false
	}
	a, err := mail.ParseAddress(arg[len(prefix) : end+1])
	if err != nil {
		return "", "", false
	}
	return a.Address, arg[end+1:], true
}

func messageID(content []byte) string {
	m, err := mail.ReadMessage(strings.NewReader(string(content)))
	if err != nil {
		return ""
	}
	return strings.Trim(m.Header.Get("Message-ID"), "<>")
}
