package delivery

import (
	"bytes"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// envelope is a mail ready to be sent.
type envelope struct {
	from, to string // with <>, as MAIL and RCPT take them
	content  []byte // after DATA: dot-stuffed, the final dot included, so that it leaves in one write
	eightBit bool   // to be announced as BODY=8BITMIME
}

// maxLine is the longest line of a header, without CRLF (RFC 5322 2.1.1).
const maxLine = 998

// render checks a mail and writes it in full, before a relay hears of it: an
// error half-way through DATA could leave a truncated mail behind. Its outcome is
// nil unless the mail cannot be sent to anyone.
//
// Where the relay offers 8BITMIME (RFC 6152) and no line is too long for SMTP, the
// parts go as they are: quoted-printable costs a third of the CPU of a mail, there
// and at every hop that reads it. A later hop that cannot take 8-bit mail has to
// convert it, which breaks a signature made before (RFC 6376 5.3); hardly any
// server is left that cannot, and for those a relay's settings may forbid it.
//
// The content is written into room and is good until that is used again.
func render(m Mail, eightBit bool, room *bytes.Buffer) (envelope, *Outcome) {
	sender, err := address(m.From.Address)
	if err != nil {
		return envelope{}, unfit(ScopeSender, ReasonInvalidMail, "From: %v", err)
	}
	recipient, err := address(m.To)
	if err != nil {
		return envelope{}, unfit(ScopeRecipient, ReasonInvalidAddress, "To: %v", err)
	}
	var textFits, htmlFits bool
	m.Text, textFits = body(m.Text)
	m.HTML, htmlFits = body(m.HTML)
	eightBit = eightBit && textFits && htmlFits
	msg, err := compose(m, sender.Address, recipient.Address, eightBit)
	if err != nil {
		return envelope{}, unfit(ScopeContent, ReasonInvalidMail, "%v", err)
	}
	content, err := write(msg, room)
	if err != nil {
		return envelope{}, unfit(ScopeContent, ReasonInvalidMail, "%v", err)
	}
	if content, err = sign(content, m.Sign); err != nil {
		return envelope{}, unfit(ScopeSender, ReasonInvalidMail, "%v", err)
	}
	bare := func(a string) string { return (&mail.Address{Address: a}).String() }
	return envelope{from: bare(sender.Address), to: bare(recipient.Address), content: stuff(content), eightBit: eightBit}, nil
}

func unfit(scope Scope, reason, format string, args ...any) *Outcome {
	return &Outcome{Class: Permanent, Scope: scope, Reason: reason, Detail: oneLine(fmt.Sprintf(format, args...))}
}

// address parses a bare address that fits into an SMTP command.
func address(s string) (*mail.Address, error) {
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return nil, fmt.Errorf("the address holds a control character")
		}
		if r > unicode.MaxASCII {
			return nil, fmt.Errorf("the address holds characters other than ASCII, which relays do not take everywhere (SMTPUTF8)")
		}
	}
	a, err := mail.ParseAddress("<" + s + ">")
	// RFC 5321 4.5.3.1.3: a path is at most 256 characters, with its <>.
	if err != nil || len(s) > 254 {
		return nil, fmt.Errorf("not an address")
	}
	return a, nil
}

// atomPair is the form of a Message-ID without <> (RFC 5322 3.6.4), atoms the form of a
// List-Id without <> (RFC 2919 2).
var (
	atomPair = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,128}@[A-Za-z0-9._-]{1,255}$")
	atoms    = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,255}$")
)

// compose checks the headers and builds the message. A fresh one each time: a
// used Msg keeps the last recipient's headers. Headers are set by SetGenHeader
// throughout: SetListUnsubscribe and the preformatted ones let CR and LF pass.
func compose(m Mail, from, to string, eightBit bool) (*gomail.Msg, error) {
	for field, value := range map[string]string{"Subject": m.Subject, "the From name": m.From.Name} {
		if strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }) {
			return nil, fmt.Errorf("%s holds a line break or another control character", field)
		}
	}
	switch {
	case !atomPair.MatchString(m.MessageID):
		return nil, fmt.Errorf("Message-ID is not of the form left@right")
	case m.ListID != "" && !atoms.MatchString(m.ListID):
		return nil, fmt.Errorf("List-Id holds characters that it may not")
	case m.ListUnsubscribeURL != "" && !headerURL(m.ListUnsubscribeURL):
		return nil, fmt.Errorf("List-Unsubscribe is not an http or https URL that fits into a header")
	case m.Date.IsZero():
		return nil, fmt.Errorf("the date is missing")
	case m.HTML == "" && m.Text == "":
		return nil, fmt.Errorf("the mail is empty")
	}

	encoding := gomail.EncodingQP
	if eightBit {
		encoding = gomail.NoEncoding
	}
	msg := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(encoding), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&mail.Address{Name: words(m.From.Name), Address: from})
	msg.ToMailAddress(&mail.Address{Address: to})
	msg.Subject(words(m.Subject))
	msg.SetDateWithValue(m.Date.UTC())
	msg.SetMessageIDWithValue(m.MessageID)
	if m.ListID != "" {
		msg.SetGenHeader("List-Id", "<"+m.ListID+">")
	}
	if m.ListUnsubscribeURL != "" {
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+m.ListUnsubscribeURL+">")
		msg.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	switch {
	case m.HTML == "":
		msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	case m.Text == "":
		msg.SetBodyString(gomail.TypeTextHTML, m.HTML)
	default: // the best comes last (RFC 2046 5.1.4)
		msg.SetBodyString(gomail.TypeTextPlain, m.Text)
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// body makes s fit for a text part: valid UTF-8, and every line ends in CRLF
// (RFC 2046 4.1.1). fits reports whether the result can cross SMTP unencoded: its
// lines are short enough (RFC 5321 4.5.3.1.6) and it holds no NUL. All in one pass,
// since this is a tenth of what a mail costs.
func body(s string) (out string, fits bool) {
	s = validUTF8(s)
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	fits = strings.IndexByte(s, 0) < 0
	var b strings.Builder
	b.Grow(len(s) + strings.Count(s, "\n"))
	for {
		line, rest, more := strings.Cut(s, "\n")
		fits = fits && len(line) <= maxLine
		b.WriteString(line)
		if !more {
			return b.String(), fits
		}
		b.WriteString("\r\n")
		s = rest
	}
}

// validUTF8 is strings.ToValidUTF8, which copies rune by rune even what is valid.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// words replaces runs of white space by one blank: folding could otherwise make a
// header line of blanks only.
func words(s string) string {
	return strings.Join(strings.FieldsFunc(validUTF8(s), func(r rune) bool { return r == ' ' || r == '\t' }), " ")
}

// headerURL reports whether s can stand between < and > in a header as it is.
func headerURL(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '<' || r == '>' || r == '"' || r == ',' {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(s) <= 900
}

// write renders msg into room.
func write(msg *gomail.Msg, room *bytes.Buffer) ([]byte, error) {
	room.Reset()
	if _, err := msg.WriteTo(room); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	content := room.Bytes()
	end := bytes.Index(content, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, fmt.Errorf("render: no end of the header")
	}
	for line := range bytes.SplitSeq(content[:end], []byte("\r\n")) {
		if len(line) > maxLine {
			return nil, fmt.Errorf("a word in the header is too long for a line of %d characters", maxLine)
		}
	}
	// go-mail folds at 76 columns, which a long Message-ID crosses with its name.
	// That is allowed, but not every reader of bounces and logs unfolds it.
	const name = "Message-ID:"
	if at := bytes.Index(content[:end], []byte("\r\n"+name+"\r\n ")); at >= 0 {
		at += len("\r\n" + name)
		content = append(content[:at], content[at+len("\r\n"):]...)
	} else if bytes.HasPrefix(content, []byte(name+"\r\n ")) {
		content = append(content[:len(name)], content[len(name)+len("\r\n"):]...)
	}
	return content, nil
}

// stuff doubles the dots that begin a line and ends the mail with its final dot
// (RFC 5321 4.5.2). All lines of content end in CRLF, but for the last one, maybe.
func stuff(content []byte) []byte {
	if bytes.HasPrefix(content, []byte(".")) {
		content = append([]byte("."), content...)
	}
	if bytes.Contains(content, []byte("\r\n.")) {
		content = bytes.ReplaceAll(content, []byte("\r\n."), []byte("\r\n.."))
	}
	if !bytes.HasSuffix(content, []byte("\r\n")) {
		content = append(content, "\r\n"...)
	}
	return append(content, ".\r\n"...)
}
