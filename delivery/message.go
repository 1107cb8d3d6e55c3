package delivery

import (
	"bufio"
	"bytes"
	"fmt"
	"net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// envelope is a mail ready to be sent.
type envelope struct {
	from, to string // with <>, as MAIL and RCPT take them
	content  []byte // after DATA, dot-stuffed, ending in CRLF; the final dot is not part of it
}

// maxLine is the longest line of a header, without CRLF (RFC 5322 2.1.1).
const maxLine = 998

// render checks a mail and writes it in full, before a relay hears of it: an
// error half-way through DATA could leave a truncated mail behind. Its outcome is
// nil unless the mail cannot be sent to anyone.
func render(m Mail) (envelope, *Outcome) {
	sender, err := address(m.From.Address)
	if err != nil {
		return envelope{}, unfit(ScopeSender, ReasonInvalidMail, "From: %v", err)
	}
	recipient, err := address(m.To)
	if err != nil {
		return envelope{}, unfit(ScopeRecipient, ReasonInvalidAddress, "To: %v", err)
	}
	msg, err := compose(m, sender.Address, recipient.Address)
	if err != nil {
		return envelope{}, unfit(ScopeContent, ReasonInvalidMail, "%v", err)
	}
	content, err := write(msg)
	if err != nil {
		return envelope{}, unfit(ScopeContent, ReasonInvalidMail, "%v", err)
	}
	bare := func(a string) string { return (&mail.Address{Address: a}).String() }
	return envelope{from: bare(sender.Address), to: bare(recipient.Address), content: content}, nil
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
func compose(m Mail, from, to string) (*gomail.Msg, error) {
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

	msg := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
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
	text, html := strings.ToValidUTF8(m.Text, "\uFFFD"), strings.ToValidUTF8(m.HTML, "\uFFFD")
	switch {
	case html == "":
		msg.SetBodyString(gomail.TypeTextPlain, text)
	case text == "":
		msg.SetBodyString(gomail.TypeTextHTML, html)
	default: // the best comes last (RFC 2046 5.1.4)
		msg.SetBodyString(gomail.TypeTextPlain, text)
		msg.AddAlternativeString(gomail.TypeTextHTML, html)
	}
	return msg, nil
}

// words replaces runs of white space by one blank: folding could otherwise make a
// header line of blanks only.
func words(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return r == ' ' || r == '\t' }), " ")
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

// write renders msg as it goes after DATA.
func write(msg *gomail.Msg) ([]byte, error) {
	var out bytes.Buffer
	buf := bufio.NewWriter(&out)
	dots := textproto.NewWriter(buf).DotWriter()
	if _, err := msg.WriteTo(dots); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	if err := dots.Close(); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	content := bytes.TrimSuffix(out.Bytes(), []byte(".\r\n"))

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
