package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

const secret = "a secret for tests"

func TestSeal(t *testing.T) {
	t.Parallel()
	box, err := Seal(secret, RelayPassword, "a", []byte("password"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(box, []byte("password")) {
		t.Error("it can be read")
	}
	if got, err := Open(secret, RelayPassword, "a", box); string(got) != "password" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Open(secret, RelayPassword, "b", box); !errors.Is(err, ErrSealed) {
		t.Errorf("under another name: %v", err)
	}
	if _, err := Open(secret, DKIMKey, "a", box); !errors.Is(err, ErrSealed) {
		t.Errorf("for another purpose: %v", err)
	}
	if _, err := Open("another secret", RelayPassword, "a", box); !errors.Is(err, ErrSealed) {
		t.Errorf("with another secret: %v", err)
	}
	for i := range box {
		box[i] ^= 1
		if _, err := Open(secret, RelayPassword, "a", box); !errors.Is(err, ErrSealed) {
			t.Errorf("with byte %d changed: %v", i, err)
		}
		box[i] ^= 1
		if _, err := Open(secret, RelayPassword, "a", box[:i]); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := Seal("", RelayPassword, "a", nil); err == nil {
		t.Error("an empty secret seals")
	}
	if again, _ := Seal(secret, RelayPassword, "a", []byte("password")); bytes.Equal(again, box) {
		t.Error("the nonce repeats")
	}
}

// TestStoredBoxesStayReadable opens a box as a database holds it.
func TestStoredBoxesStayReadable(t *testing.T) {
	t.Parallel()
	box, err := hex.DecodeString("906755de1c9ba96a05422c3bc1ca888a47b4576dbf4256be201d2c3050d0e0072d")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Open(secret, RelayPassword, "default", box); string(got) != "p\u00e4ss" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
