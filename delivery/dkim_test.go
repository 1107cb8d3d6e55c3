package delivery

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"pgregory.net/rapid"

	"posthorn/internal/smtptest"
	"posthorn/relays"
	"posthorn/senders"
)

var rsaSigner = sync.OnceValue(func() []senders.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return []senders.Signer{{Domain: "shop.example", Selector: "rsa", Key: key}}
})

func edSigner() []senders.Signer {
	return []senders.Signer{{Domain: "shop.example", Selector: "2026.ed", Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}}
}

func bothSigners() []senders.Signer { return append(edSigner(), rsaSigner()...) }

// verify checks that content has a valid signature of each signer and no other, as
// whoever receives it would.
func verify(content []byte, signers []senders.Signer) error {
	records := map[string]string{}
	for _, s := range signers {
		record := ""
		switch public := s.Key.Public().(type) {
		case ed25519.PublicKey:
			record = "k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
		case *rsa.PublicKey:
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				return err
			}
			record = "k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
		}
		records[s.Selector+"._domainkey."+s.Domain] = "v=DKIM1; " + record
	}
	asked := map[string]bool{}
	var mu sync.Mutex // signatures are verified at once
	found, err := dkim.VerifyWithOptions(bytes.NewReader(content), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[name] = true
		return []string{records[name]}, nil
	}})
	if err != nil {
		return err
	}
	for _, v := range found {
		if v.Err != nil {
			return v.Err
		}
	}
	if len(found) != len(signers) || len(asked) != len(signers) {
		return fmt.Errorf("%d signatures by %v, want %d", len(found), asked, len(signers))
	}
	return nil
}

// deliver sends a mail and returns it as the relay has it.
func deliver(t *testing.T, s *smtptest.Server, c *Conn, m Mail) []byte {
	t.Helper()
	if out := c.Send(t.Context(), m); out.Class != Accepted {
		t.Fatalf("outcome %+v", out)
	}
	mails := s.Mails()
	return mails[len(mails)-1].Content
}

func TestSigned(t *testing.T) {
	t.Parallel()
	for name, signers := range map[string][]senders.Signer{"rsa": rsaSigner(), "ed25519": edSigner(), "both": bothSigners(), "none": nil} {
		for encoding, without := range map[string][]string{"8bit": nil, "quoted-printable": {"8BITMIME"}} {
			t.Run(name+", "+encoding, func(t *testing.T) {
				t.Parallel()
				s := smtptest.New(t, smtptest.Options{Without: without})
				c := acquire(t, newPools(t, Options{}), relayOf(s))
				defer c.Release()
				for _, change := range []func(*Mail){
					func(m *Mail) { m.HTML = strings.ReplaceAll(m.HTML, "long long ", "long\r\nlong ") },
					func(m *Mail) { m.HTML = "" },
					func(m *Mail) { m.Text, m.ListID, m.ListUnsubscribeURL = "", "", "" },
					func(m *Mail) { m.Subject, m.From.Name = strings.Repeat("Grüße ", 100), "" },
				} {
					m := aMail()
					m.Sign = signers
					change(&m)
					content := deliver(t, s, c, m)
					if err := verify(content, signers); err != nil {
						t.Errorf("%v:\n%s", err, content)
					}
					if len(signers) == 0 && bytes.Contains(content, []byte("DKIM")) {
						t.Errorf("it is signed:\n%s", content)
					}
				}
			})
		}
	}
}

func TestWhatIsSigned(t *testing.T) {
	t.Parallel()
	m := aMail()
	m.HTML, m.Sign = "", rsaSigner()
	e, out := render(m, true, new(bytes.Buffer))
	if out != nil {
		t.Fatal(out)
	}
	tag := regexp.MustCompile(`\sh=([^;]*);`).FindSubmatch(e.content)
	if tag == nil {
		t.Fatalf("no h=:\n%s", e.content)
	}
	signed := map[string]int{}
	for name := range strings.SplitSeq(string(tag[1]), ":") {
		signed[name]++
	}
	for _, field := range []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
		"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"} {
		if signed[field] != 2 {
			t.Errorf("%s is signed %d times: %s", field, signed[field], tag[1])
		}
	}
}

func TestTampering(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()
	m := aMail()
	m.Sign = bothSigners()
	content := string(deliver(t, s, c, m))
	replace := func(old, with string) string {
		t.Helper()
		if !strings.Contains(content, old) {
			t.Fatalf("%q is not in the mail", old)
		}
		return strings.Replace(content, old, with, 1)
	}
	before := func(line string) string { return line + "\r\n" + content }
	for name, changed := range map[string]string{
		"another link":            replace("https://mail.shop.example/u/", "https://evil.example/u/"),
		"a second link":           before("List-Unsubscribe: <https://evil.example/>"),
		"no one-click":            replace("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", ""),
		"a second From":           before("From: <boss@shop.example>"),
		"a second Subject":        replace("Subject:", "Subject: Urgent\r\nSubject:"),
		"a second Content-Type":   before("Content-Type: text/html"),
		"a second To":             before("To: <everybody@example.com>"),
		"another date":            replace("12:00:00", "12:00:01"),
		"another word":            replace("QUIT", "quit"),
		"more text":               content + "more\r\n",
		"a signature of somebody": replace("d=shop.example", "d=shop2.example"),
	} {
		if verify([]byte(changed), m.Sign) == nil {
			t.Errorf("%s: it still verifies", name)
		}
	}
	for name, changed := range map[string]string{
		"a trace":          before("Received: from a by b; Sun, 01 Mar 2026 12:00:01 +0000"),
		"folded anew":      replace("List-Unsubscribe: <", "List-Unsubscribe:\r\n\t<"),
		"spaces at an end": replace("QUIT\r\n", "QUIT  \r\n"),
		"lines at the end": content + "\r\n\r\n",
	} {
		if err := verify([]byte(changed), m.Sign); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// relaxed is the body's canonical form, written anew from RFC 6376 3.4.4.
func relaxed(body string) string {
	var lines []string
	for line := range strings.SplitSeq(body, "\r\n") {
		line = strings.TrimRight(line, " \t")
		lines = append(lines, regexp.MustCompile(`[ \t]+`).ReplaceAllString(line, " "))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// TestOddBodies: whatever a body is made of, it verifies as the relay has it.
func TestOddBodies(t *testing.T) {
	t.Parallel()
	for encoding, without := range map[string][]string{"8bit": nil, "quoted-printable": {"8BITMIME"}} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			s := smtptest.New(t, smtptest.Options{Without: without})
			c := acquire(t, newPools(t, Options{}), relayOf(s))
			defer c.Release()
			part := rapid.Custom(func(t *rapid.T) string {
				return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{" ", "  \t", "\t", ".", "..", "\n", "\r\n", "\r", "\n.\n", " \n \n", "\n\n\n",
					"word", "Grüße", "\u2028", "\u00a0", "=", "=20", "--", "From ", "\xff", "\x00", strings.Repeat("x", 997), strings.Repeat("ä ", 400)}), 0, 12).Draw(t, "part"), "")
			})
			rapid.Check(t, func(r *rapid.T) {
				m := aMail()
				m.HTML, m.Text, m.Subject, m.Sign = part.Draw(r, "html"), part.Draw(r, "text"), "Grüße", edSigner()
				if m.HTML == "" && m.Text == "" {
					m.Text = "x"
				}
				content := deliver(t, s, c, m)
				if err := verify(content, m.Sign); err != nil {
					r.Fatalf("%v:\n%q", err, content)
				}
				_, body, _ := strings.Cut(string(content), "\r\n\r\n")
				hash := sha256.Sum256([]byte(relaxed(body)))
				if want := " bh=" + base64.StdEncoding.EncodeToString(hash[:]) + ";"; !bytes.Contains(content, []byte(want)) {
					r.Fatalf("not %s:\n%q", want, content)
				}
			})
		})
	}
}

// TestEncodingOfARelay: quoted-printable is for relays behind which a hop without
// 8BITMIME would break the signature.
func TestEncodingOfARelay(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	r, p := relayOf(s), newPools(t, Options{})
	m := aMail()
	m.HTML, m.Sign = "", edSigner()
	for i, test := range []struct {
		encoding string
		eightBit bool
	}{{"", true}, {relays.EncodingQuotedPrintable, false}, {relays.EncodingAuto, true}} {
		r.Encoding, r.UpdatedAt = test.encoding, r.UpdatedAt.AddDate(0, 0, i)
		c := acquire(t, p, r)
		content := deliver(t, s, c, m)
		c.Release()
		if got := bytes.Contains(content, []byte("Content-Transfer-Encoding: 8bit")); got != test.eightBit {
			t.Errorf("%q: 8bit %v:\n%s", test.encoding, got, content)
		}
	}
}

// failing is a key that cannot sign.
type failing struct{ public crypto.PublicKey }

func (f failing) Public() crypto.PublicKey { return f.public }

func (f failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key is broken")
}

func TestFailedSigning(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Options{})
	c := acquire(t, newPools(t, Options{}), relayOf(s))
	defer c.Release()
	for name, key := range map[string]crypto.Signer{
		"it fails":             failing{edSigner()[0].Key.Public()},
		"an unknown algorithm": failing{"?"},
		"no key":               nil,
	} {
		m := aMail()
		m.Sign = append(edSigner(), senders.Signer{Domain: "shop.example", Selector: "bad", Key: key})
		out := c.Send(t.Context(), m)
		if out.Class != Permanent || out.Scope != ScopeSender || out.Reason != ReasonInvalidMail || !strings.Contains(out.Detail, "DKIM key bad of shop.example") {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if s.Count("MAIL") != 0 || !c.Usable() {
		t.Error("a mail was offered")
	}
}

func BenchmarkRender(b *testing.B) {
	m := aMail()
	m.Text = strings.Repeat("Ein neuer Kaffee, frisch geröstet. ", 14) + "\n"
	m.HTML = strings.Repeat("<p>Ein <b>neuer</b> Kaffee, frisch geröstet: <a href=\"https://shop.example/\">ansehen</a></p>\n", 100)
	for _, bench := range []struct {
		name    string
		signers []senders.Signer
	}{{"unsigned", nil}, {"ed25519", edSigner()}, {"rsa2048", rsaSigner()}, {"both", bothSigners()}} {
		b.Run(bench.name, func(b *testing.B) {
			m.Sign = bench.signers
			b.ReportAllocs()
			for b.Loop() {
				e, out := render(m, true, new(bytes.Buffer))
				if out != nil || !e.eightBit {
					b.Fatal(out)
				}
				b.SetBytes(int64(len(e.content)))
			}
		})
	}
}
