package delivery

import (
	"net/textproto"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestQueueID(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"Ok: queued as 4XyZ1s2AbCz9":   "4XyZ1s2AbCz9",
		"Ok: queued as 1A2B3C; thanks": "1A2B3C",
		"OK queued as <x1@host>":       "x1@host",
		"OK id=1rAbCd-0003Xy-2F":       "1rAbCd-0003Xy-2F",
		"<a@b> [InternalId=96, Hostname=ex.example] 1234 bytes in 0.1 Queued mail for delivery": "96",
		"3BB4aQZx012345 Message accepted for delivery":                                          "3BB4aQZx012345",
		"1a2b3c4d Message accepted for delivery":                                                "1a2b3c4d",
		"ok 1700000000 qp 4711":                                                                 "4711",
		"OK 1700000000 d2e1a72fcca58-6cb8si1234567pfd.123 - gsmtp":                              "d2e1a72fcca58-6cb8si1234567pfd.123",
		"Ok 0100018bcd123456-12345678-1234-1234-1234-123456789abc-000000":                       "0100018bcd123456-12345678-1234-1234-1234-123456789abc-000000",
		"Ok":                   "",
		"Message accepted":     "",
		"queued":               "",
		"valid=1 nothing here": "",
		"Ok: queued as " + strings.Repeat("x", 300): "",
	} {
		if got := queueID(words); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// TestClassifyIsTotal: every reply in every phase has a class, a scope and a
// reason, and the first digit decides between permanent and temporary.
func TestClassifyIsTotal(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{phaseMail, phaseRcpt, phaseData, phaseBody, phaseDot} {
		for code := 100; code < 600; code++ {
			for _, words := range []string{"", "no", "4.1.1 x", "5.7.1 relaying denied", "5.2.2 full", "5.3.4 big", "9.9.9 x", "5.1.1"} {
				out := classify(phase, &textproto.Error{Code: code, Msg: words})
				if out.Scope == "" || out.Reason == "" || out.Code != code {
					t.Fatalf("%s, %d %s: %+v", phase, code, words, out)
				}
				if want := Temporary; code < 500 && out.Class != want || out.Class == Permanent && code < 500 {
					t.Fatalf("%s, %d %s: %+v", phase, code, words, out)
				}
				if code >= 500 && code != 503 && out.Class != Permanent {
					t.Fatalf("%s, %d %s: %+v", phase, code, words, out)
				}
			}
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  a\r\n b\tc\x00d ": "a b c d",
		"caf\xe9":            "caf\uFFFD",
		"":                   "",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for n := maxDetail - 5; n < maxDetail+5; n++ {
		got := oneLine(strings.Repeat("ä", n))
		if len(got) > maxDetail || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
	}
}
