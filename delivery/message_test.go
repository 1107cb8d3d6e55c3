package delivery

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/smtptest"
)

// part is one leaf of a mail.
type part struct{ Type, Charset, Body string }

// parsed is a mail as its reader sees it: unfolded, decoded headers and parts.
type parsed struct {
	Header map[string]string
	Type   string
	Parts  []part
}

func parse(t testing.TB, content []byte) parsed {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("not a mail: %v\n%q", err, content)
	}
	out := parsed{Header: map[string]string{}}
	for key, values := range m.Header {
		if len(values) != 1 {
			t.Errorf("%d times %s", len(values), key)
		}
		decoded, err := new(mime.WordDecoder).DecodeHeader(values[0])
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		out.Header[key] = decoded
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("Content-Type: %v", err)
	}
	out.Type = kind
	delete(out.Header, "Content-Type")
	if !strings.HasPrefix(kind, "multipart/") {
		out.Parts = []part{leaf(t, textproto.MIMEHeader(m.Header), m.Body)}
		delete(out.Header, "Content-Transfer-Encoding")
		return out
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("part: %v", err)
		}
		out.Parts = append(out.Parts, leaf(t, p.Header, p))
	}
}

func leaf(t testing.TB, header textproto.MIMEHeader, body io.Reader) part {
	t.Helper()
	switch got := header.Get("Content-Transfer-Encoding"); got {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "8bit":
	default:
		t.Errorf("Content-Transfer-Encoding %q", got)
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("Content-Type: %v", err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Errorf("body: %v", err)
	}
	return part{kind, params["charset"], strings.ReplaceAll(string(text), "\r\n", "\n")}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	t.Run("8BITMIME", func(t *testing.T) { t.Parallel(); testMessage(t, "8bit") })
	t.Run("quoted-printable", func(t *testing.T) { t.Parallel(); testMessage(t, "quoted-printable", "8BITMIME") })
}

// testMessage sends to a relay without some extensions.
func testMessage(t *testing.T, encoding string, without ...string) {
	m := aMail()
	if encoding == "8bit" { // its lines are too long for that
		m.HTML = strings.ReplaceAll(m.HTML, "long long ", "long\r\nlong ")
	}
	s := smtptest.New(t, smtptest.Options{Without: without})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()
	if out := c.Send(t.Context(), m); out.Class != Accepted {
		t.Fatalf("outcome %+v", out)
	}
	content := s.Mails()[0].Content
	want := parsed{
		Header: map[string]string{
			"Date":                  "Sun, 01 Mar 2026 12:00:00 +0000",
			"From":                  `Käthe's "Coffee" Shop <news@shop.example>`,
			"To":                    "<anna@example.com>",
			"Subject":               m.Subject,
			"Message-Id":            "<" + m.MessageID + ">",
			"Mime-Version":          "1.0",
			"List-Id":               "<news.shop.example>",
			"List-Unsubscribe":      "<https://mail.shop.example/u/AbCdEf0123456789>",
			"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		},
		Type: "multipart/alternative",
		Parts: []part{
			{"text/plain", "UTF-8", m.Text},
			{"text/html", "UTF-8", strings.ReplaceAll(m.HTML, "\r\n", "\n")},
		},
	}
	if diff := cmp.Diff(want, parse(t, content)); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	if n := bytes.Count(content, []byte("\r\nContent-Transfer-Encoding: "+encoding+"\r\n")); n != 2 {
		t.Errorf("%d parts are %s:\n%s", n, encoding, content)
	}
	if line := "\r\nMessage-ID: <" + m.MessageID + ">\r\n"; !bytes.Contains(content, []byte(line)) {
		t.Errorf("the Message-ID is not on one line:\n%s", content[:600])
	}
}

func TestMessageOfOnePart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, html string
		want       part
	}{
		{"only text", "", part{"text/plain", "UTF-8", "only text\n"}}, // SMTP ends the last line
		{"", "<p>only HTML</p>", part{"text/html", "UTF-8", "<p>only HTML</p>\n"}},
		{"bare\rCR and\nLF", "", part{"text/plain", "UTF-8", "bare\nCR and\nLF\n"}},
		{"not \xff UTF-8", "", part{"text/plain", "UTF-8", "not \uFFFD UTF-8\n"}},
	} {
		m := aMail()
		m.Text, m.HTML, m.ListID, m.ListUnsubscribeURL = test.text, test.html, "", ""
		e, out := render(m, len(test.text)%2 == 0, new(bytes.Buffer)) // either encoding will do
		if out != nil {
			t.Fatalf("outcome %+v", out)
		}
		got := parse(t, undotted(t, e.content))
		if diff := cmp.Diff([]part{test.want}, got.Parts); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
		for _, absent := range []string{"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "User-Agent"} {
			if _, ok := got.Header[absent]; ok {
				t.Errorf("there is a header %s", absent)
			}
		}
	}
}

// TestFreshMessage sends a mail without list headers after one with them: nothing
// of one recipient's mail may show in the next.
func TestFreshMessage(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()
	plain := Mail{From: mail.Address{Address: "a@shop.example"}, To: "b@example.com", Subject: "s", Text: "t",
		MessageID: "1@shop.example", Date: aMail().Date}
	for _, m := range []Mail{aMail(), plain} {
		if out := c.Send(t.Context(), m); out.Class != Accepted {
			t.Fatalf("outcome %+v", out)
		}
	}
	want := map[string]string{"Date": "Sun, 01 Mar 2026 12:00:00 +0000", "From": "<a@shop.example>", "To": "<b@example.com>",
		"Subject": "s", "Message-Id": "<1@shop.example>", "Mime-Version": "1.0"}
	if diff := cmp.Diff(want, parse(t, s.Mails()[1].Content).Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestInjection puts line breaks and NUL into every field that ends up in a
// command or a header.
func TestInjection(t *testing.T) {
	t.Parallel()
	fields := map[string]func(m *Mail) *string{
		"From name":        func(m *Mail) *string { return &m.From.Name },
		"From address":     func(m *Mail) *string { return &m.From.Address },
		"To":               func(m *Mail) *string { return &m.To },
		"Subject":          func(m *Mail) *string { return &m.Subject },
		"Message-ID":       func(m *Mail) *string { return &m.MessageID },
		"List-Id":          func(m *Mail) *string { return &m.ListID },
		"List-Unsubscribe": func(m *Mail) *string { return &m.ListUnsubscribeURL },
	}
	s := smtptest.New(t, smtptest.Options{})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()
	for field, of := range fields {
		for _, evil := range []string{"\r\nBcc: victim@example.com", "\nX-Evil: 1", "\rX-Evil: 1", "\x00", "\r\n\r\nbody", "\r\n", "\x1b", "\u0085X-Evil: 1"} {
			for where, inject := range map[string]func(string) string{
				"before": func(s string) string { return evil + s },
				"after":  func(s string) string { return s + evil },
				"within": func(s string) string { return s[:len(s)/2] + evil + s[len(s)/2:] },
			} {
				m := aMail()
				*of(&m) = inject(*of(&m))
				out := c.Send(t.Context(), m)
				if out.Class != Permanent || out.Reason != ReasonInvalidMail && out.Reason != ReasonInvalidAddress {
					t.Errorf("%s, %q %s: %+v", field, evil, where, out)
				}
			}
		}
	}
	if n := s.Count("MAIL"); n != 0 || !c.Usable() {
		t.Errorf("%d mails were offered", n)
	}
}

func TestUnfit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Mail)
		scope  Scope
		reason string
	}{
		{"no recipient", func(m *Mail) { m.To = "" }, ScopeRecipient, ReasonInvalidAddress},
		{"a name with the address", func(m *Mail) { m.To = "Anna <anna@example.com>" }, ScopeRecipient, ReasonInvalidAddress},
		{"two recipients", func(m *Mail) { m.To = "a@example.com, b@example.com" }, ScopeRecipient, ReasonInvalidAddress},
		{"a closing bracket", func(m *Mail) { m.To = "a@example.com> BODY=8BITMIME" }, ScopeRecipient, ReasonInvalidAddress},
		{"not ASCII", func(m *Mail) { m.To = "änna@example.com" }, ScopeRecipient, ReasonInvalidAddress},
		{"too long", func(m *Mail) { m.To = strings.Repeat("a", 250) + "@example.com" }, ScopeRecipient, ReasonInvalidAddress},
		{"no sender", func(m *Mail) { m.From.Address = "" }, ScopeSender, ReasonInvalidMail},
		{"sender not ASCII", func(m *Mail) { m.From.Address = "a@käse.example" }, ScopeSender, ReasonInvalidMail},
		{"empty", func(m *Mail) { m.HTML, m.Text = "", "" }, ScopeContent, ReasonInvalidMail},
		{"no date", func(m *Mail) { m.Date = time.Time{} }, ScopeContent, ReasonInvalidMail},
		{"no Message-ID", func(m *Mail) { m.MessageID = "" }, ScopeContent, ReasonInvalidMail},
		{"Message-ID with brackets", func(m *Mail) { m.MessageID = "<1@example.com>" }, ScopeContent, ReasonInvalidMail},
		{"List-Id with brackets", func(m *Mail) { m.ListID = "<news.shop.example>" }, ScopeContent, ReasonInvalidMail},
		{"unsubscribe by script", func(m *Mail) { m.ListUnsubscribeURL = "javascript:alert(1)" }, ScopeContent, ReasonInvalidMail},
		{"two unsubscribe links", func(m *Mail) { m.ListUnsubscribeURL = "https://a/u/1>,<https://b/" }, ScopeContent, ReasonInvalidMail},
		{"an endless word", func(m *Mail) { m.Subject = strings.Repeat("x", 1000) }, ScopeContent, ReasonInvalidMail},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := aMail()
			test.change(&m)
			_, out := render(m, true, new(bytes.Buffer))
			if out == nil {
				t.Fatal("it was rendered")
			}
			if out.Class != Permanent || out.Scope != test.scope || out.Reason != test.reason || out.Detail == "" {
				t.Errorf("outcome %+v", out)
			}
		})
	}
}

func TestQuotedAddress(t *testing.T) {
	t.Parallel()
	m := aMail()
	m.To = `"anna b"@example.com`
	e, out := render(m, true, new(bytes.Buffer))
	if out != nil {
		t.Fatalf("outcome %+v", out)
	}
	if e.to != `<"anna b"@example.com>` {
		t.Errorf("RCPT TO:%s", e.to)
	}
}

// undotted takes the final dot off.
func undotted(t testing.TB, content []byte) []byte {
	t.Helper()
	out, ok := bytes.CutSuffix(content, []byte("\r\n.\r\n"))
	if !ok {
		t.Errorf("no final dot: %q", content)
	}
	return append(bytes.Clone(out), "\r\n"...)
}

func TestLongLinesAreEncoded(t *testing.T) {
	t.Parallel()
	m := aMail()
	m.HTML = strings.Repeat("ä", 500) // 1,000 bytes
	e, out := render(m, true, new(bytes.Buffer))
	if out != nil || e.eightBit || !bytes.Contains(e.content, []byte("=C3=A4")) {
		t.Fatalf("%+v, 8bit %v", out, e.eightBit)
	}
	m.HTML = strings.Repeat("ä", 499)
	if e, _ = render(m, true, new(bytes.Buffer)); !e.eightBit {
		t.Error("998 bytes fit into a line")
	}
	if e, _ = render(m, false, new(bytes.Buffer)); e.eightBit {
		t.Error("8-bit mail to a relay that does not take it")
	}
}

func TestStuff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\r\n":                    "a\r\n.\r\n",
		"a":                        "a\r\n.\r\n",
		".":                        "..\r\n.\r\n",
		"..a\r\n.\r\n..\r\nb.\r\n": "...a\r\n..\r\n...\r\nb.\r\n.\r\n",
	} {
		if got := string(stuff([]byte(in))); got != want {
			t.Errorf("stuff(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzRender: what is rendered at all is one mail with exactly our headers, and
// reads as it was meant.
func FuzzRender(f *testing.F) {
	m := aMail()
	f.Add(m.From.Name, m.From.Address, m.To, m.Subject, m.MessageID, m.ListID, m.ListUnsubscribeURL, m.HTML, m.Text)
	f.Add("a, b", "a@b", `"x y"@c`, strings.Repeat("wort ", 200), "1@2", "a", "http://x", ".", ".\r\n.\r\n")
	f.Add("", "a@b", "c@d", strings.Repeat(" ", 300)+"ä"+strings.Repeat("\t ", 100), "1@2", "a", "http://x", "", "x")
	f.Add("=?utf-8?q?x?=", "a@b", "c@d", "ä\u2028b", "1@2", "", "", "=", "=\r")
	f.Fuzz(func(t *testing.T, name, from, to, subject, id, list, link, html, text string) {
		m := Mail{From: mail.Address{Name: name, Address: from}, To: to, Subject: subject, MessageID: id, Date: aMail().Date,
			ListID: list, ListUnsubscribeURL: link, HTML: html, Text: text, Sign: edSigner()}
		e, out := render(m, len(html)%2 == 0, new(bytes.Buffer))
		if out != nil {
			return
		}
		e.content = undotted(t, e.content)
		for _, path := range []string{e.from, e.to} {
			if strings.ContainsAny(path, "\r\n\x00") || path[0] != '<' || path[len(path)-1] != '>' {
				t.Errorf("path %q", path)
			}
		}
		if !bytes.HasSuffix(e.content, []byte("\r\n")) {
			t.Error("the content does not end a line")
		}
		for line := range bytes.SplitSeq(bytes.TrimSuffix(e.content, []byte("\r\n")), []byte("\r\n")) {
			if bytes.ContainsAny(line, "\r\n\x00") || len(line) > 999 {
				t.Errorf("line %q", line)
			}
			if len(line) == 1 && line[0] == '.' {
				t.Error("a line ends the mail early")
			}
			for _, b := range line {
				if b > 126 && !e.eightBit {
					t.Fatalf("not ASCII: %q", line)
				}
			}
		}
		unstuffed := bytes.TrimPrefix(bytes.ReplaceAll(e.content, []byte("\r\n."), []byte("\r\n")), []byte("."))
		if err := verify(unstuffed, edSigner()); err != nil {
			t.Error(err)
		}
		r, err := mail.ReadMessage(bytes.NewReader(unstuffed))
		if err != nil {
			t.Fatalf("not a mail: %v", err)
		}
		for key, values := range r.Header {
			switch key {
			case "Date", "From", "To", "Subject", "Message-Id", "Mime-Version", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
				"Content-Type", "Content-Transfer-Encoding", "Dkim-Signature":
			default:
				t.Errorf("header %s", key)
			}
			if len(values) != 1 {
				t.Errorf("%d times %s", len(values), key)
			}
		}
		if !strings.Contains(subject, "=?") { // what looks encoded is decoded
			got, err := new(mime.WordDecoder).DecodeHeader(r.Header.Get("Subject"))
			if err != nil || got != words(subject) {
				t.Errorf("subject %q, want %q (%v)", got, words(subject), err)
			}
		}
		sender, err := r.Header.AddressList("From")
		if err != nil || len(sender) != 1 || !strings.Contains(name, "=?") && sender[0].Name != words(name) {
			t.Errorf("From %q: %v, %v", r.Header.Get("From"), sender, err)
		}
	})
}
