package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"sync"
	"testing"

	"posthorn/internal/sandbox"
)

// open starts a sandbox and returns it with its SMTP address and inbox URL.
func open(t *testing.T, opts sandbox.Options) (s *sandbox.Sandbox, smtpAddr, inbox string) {
	t.Helper()
	s = sandbox.New(opts)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeSMTP(l) }()
	t.Cleanup(func() {
		s.Close(context.Background())
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewServer(s.Handler("/inbox"))
	t.Cleanup(web.Close)
	return s, l.Addr().String(), web.URL + "/inbox"
}

func mailText(id, subject, body string) string {
	return strings.ReplaceAll(fmt.Sprintf("From: Roastery <news@shop.example>\nTo: x@web.example\nSubject: %s\nMessage-ID: <%s@shop.example>\n"+
		"Date: Mon, 02 Jan 2006 15:04:05 +0000\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n"+
		"List-Unsubscribe: <https://mail.shop.example/u/1>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\n%s", subject, id, body), "\n", "\r\n")
}

func send(t *testing.T, addr, to, text string) error {
	t.Helper()
	return smtp.SendMail(addr, nil, "news@shop.example", []string{to}, []byte(text))
}

func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

func TestMailArrivesAndIsShown(t *testing.T) {
	t.Parallel()
	s, addr, inbox := open(t, sandbox.Options{})
	if err := send(t, addr, "zoe@web.example", mailText("1", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", `<p>Hello <a href="https://shop.example">shop</a></p>`)); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Accepted != 1 || got.Distinct != 1 {
		t.Fatalf("stats = %+v", got)
	}
	for url, want := range map[string][]string{
		"/":             {"zoe@web.example", "Grüße", `href="/inbox/1"`},
		"/?q=ZOE":       {"Grüße"},
		"/?q=nobody":    {"No mail among the 1 kept"},
		"/1":            {"List-Unsubscribe-Post", "One-click unsubscribe", `src="/inbox/1/body"`, `sandbox="allow-popups`},
		"/1?view=text":  {"no text part"},
		"/1?view=raw":   {"Message-ID: &lt;1@shop.example&gt;"},
		"/1/body":       {`<a href="https://shop.example">`},
		"/1/raw":        {"Subject: =?utf-8?q?Gr=C3=BC"},
		"/inbox.css":    {"--accent"},
		"/?page=999999": {"page 1 of 1"},
	} {
		status, header, body := get(t, inbox+url)
		if status != http.StatusOK || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %d, %v", url, status, header)
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("GET %s lacks %q:\n%s", url, w, body)
			}
		}
	}
	for _, url := range []string{"/2", "/0", "/-1", "/x", "/99999999999999999999"} {
		if status, _, _ := get(t, inbox+url); status != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", url, status)
		}
	}
}

// A mail is the work of a stranger: none of it may run or reach the page around it.
func TestAMailCannotBreakOut(t *testing.T) {
	t.Parallel()
	_, addr, inbox := open(t, sandbox.Options{})
	evil := `<script>alert(1)</script><form action="javascript:alert(1)">`
	text := strings.Replace(mailText(`"><script>x</script>`, `<script>alert(2)</script>`, evil), "https://mail.shop.example/u/1", "javascript:alert(3)", 1)
	if err := send(t, addr, "zoe@web.example", text); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"/", "/1", "/1?view=text", "/1?view=raw", `/?q="><script>`} {
		_, header, body := get(t, inbox+strings.ReplaceAll(url, `"><`, "%22%3E%3C"))
		if strings.Contains(body, "<script") || strings.Contains(body, `="javascript:`) {
			t.Errorf("GET %s lets the mail in:\n%s", url, body)
		}
		if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") {
			t.Errorf("GET %s: policy %q", url, csp)
		}
	}
	_, header, _ := get(t, inbox+"/1/body")
	csp := header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "sandbox ") || strings.Contains(csp, "allow-scripts") || strings.Contains(csp, "allow-same-origin") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("the body's policy is %q", csp)
	}
}

func TestMagic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]sandbox.Behaviour{
		"temp@x.example": sandbox.Temporary, "TEMP-7@x.example": sandbox.Temporary, "temporary.office@x.example": sandbox.Temporary,
		"perm1@x.example": sandbox.Permanent, "permerror@x.example": sandbox.Permanent,
		"greylist.2@x.example": sandbox.Greylist, "slow+tag@x.example": sandbox.Slow,
		"tempest@x.example": sandbox.Accept, "permutation@x.example": sandbox.Accept, "slowik@x.example": sandbox.Accept, "a.temp@x.example": sandbox.Accept, "": sandbox.Accept,
	} {
		if got := sandbox.Magic(address); got != want {
			t.Errorf("Magic(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestMagicRecipientsAreRefused(t *testing.T) {
	t.Parallel()
	s, addr, _ := open(t, sandbox.Options{})
	text := mailText("1", "x", "x")
	for _, step := range []struct{ to, want string }{
		{"perm@x.example", "550"}, {"temp@x.example", "451"}, {"temp@x.example", "451"},
		{"greylist@x.example", "451"}, {"greylist@x.example", ""}, {"zoe@x.example", ""},
	} {
		err := send(t, addr, step.to, text)
		if step.want == "" && err != nil || step.want != "" && (err == nil || !strings.HasPrefix(err.Error(), step.want)) {
			t.Errorf("mail to %s: %v, want %q", step.to, err, step.want)
		}
	}
	if got := s.Stats(); got.Accepted != 2 || got.Refused != 1 || got.Deferred != 3 {
		t.Errorf("stats = %+v", got)
	}
}

func TestOldMailsGoAndCountersStay(t *testing.T) {
	t.Parallel()
	s, addr, inbox := open(t, sandbox.Options{Keep: 3})
	for i := range 5 {
		if err := send(t, addr, "zoe@x.example", mailText(fmt.Sprint(i), fmt.Sprint("mail ", i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := send(t, addr, "zoe@x.example", mailText("4", "the same again", "x")); err != nil {
		t.Fatal(err)
	}
	mails, total := s.Find("", 0, 2)
	if total != 3 || len(mails) != 2 || mails[0].ID != 6 || mails[1].ID != 5 {
		t.Fatalf("Find = %v, %d", mails, total)
	}
	if rest, _ := s.Find("", 1, 2); len(rest) != 1 || rest[0].ID != 4 {
		t.Fatalf("second page = %v", rest)
	}
	if _, ok := s.Mail(3); ok {
		t.Error("mail 3 is still kept")
	}
	if got := s.Stats(); got.Accepted != 6 || got.Distinct != 5 {
		t.Errorf("stats = %+v, want 6 accepted, 5 of them distinct", got)
	}
	if _, _, body := get(t, inbox+"/"); !strings.Contains(body, `class="bad"`) {
		t.Error("the page does not point out the mail that came twice")
	}
}

func TestManyConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	s, addr, inbox := open(t, sandbox.Options{Keep: 10})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				if err := send(t, addr, fmt.Sprintf("c%d@x.example", i), mailText(fmt.Sprintf("%d.%d", i, j), "x", "x")); err != nil {
					t.Error(err)
				}
				if status, _, _ := get(t, inbox+"/"); status != http.StatusOK {
					t.Errorf("inbox: %d", status)
				}
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got.Accepted != 80 || got.Distinct != 80 {
		t.Errorf("stats = %+v", got)
	}
}

// Whatever arrives, its page can be shown.
func FuzzMailPage(f *testing.F) {
	f.Add([]byte(mailText("1", "x", "<p>x</p>")))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx"))
	f.Add([]byte(""))
	f.Add([]byte("\x00\xff\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := sandbox.New(sandbox.Options{})
		sandbox.Keep(s, raw)
		h := s.Handler("")
		for _, url := range []string{"/", "/1", "/1?view=text", "/1?view=raw", "/1/body", "/1/raw"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
			if w.Code != http.StatusOK && w.Code != http.StatusUnprocessableEntity {
				t.Fatalf("GET %s: %d", url, w.Code)
			}
			if url != "/1/body" && url != "/1/raw" && strings.Contains(w.Body.String(), "<script") {
				t.Fatalf("GET %s holds a script", url)
			}
		}
	})
}
