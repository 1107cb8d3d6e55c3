package webhooks

import (
	"strings"
	"testing"
	"time"
)

// The same as: printf '1700000000.{"id": 17}' | openssl dgst -sha256 -hmac kkk…
func TestSign(t *testing.T) {
	t.Parallel()
	got := Sign(strings.Repeat("k", 64), time.Unix(1700000000, 999), []byte(`{"id": 17}`))
	if want := "t=1700000000,v1=43ce7a1f5037bcdc3352f4e75cd6e76d198d5333122303cf3a631043adb75f58"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A receiver keeps the key: it never changes while the secret stays.
func TestKey(t *testing.T) {
	t.Parallel()
	if got, want := Key("a secret for tests"), "6201ec4095d9e450b55131a6cca0413e6e8cbcdcf6d54317612879c67a9cc9c6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if Key("a secret for tests") == Key("another secret for tests") {
		t.Error("two secrets have the same key")
	}
}
