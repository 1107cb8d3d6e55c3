package webhooks

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// keyInfo binds the derived key to this use and this format.
const keyInfo = "posthorn webhook signature v1"

// Key is what calls are signed with: 64 characters, the same for as long as
// POSTHORN_SECRET is. They are the key as they are, not as the hex of one, so that
// a receiver can use what it was given.
func Key(secret string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, keyInfo, sha256.Size)
	if err != nil {
		panic("webhooks: " + err.Error()) // only for lengths that HKDF cannot make
	}
	return hex.EncodeToString(key)
}

// Sign returns the Posthorn-Signature of a body that is sent at a time: "t=UNIX,v1=HEX",
// where HEX is HMAC-SHA256 over "UNIX.body". The time is signed, so that a receiver
// can refuse what somebody recorded and plays again.
func Sign(key string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), mac.Sum(nil))
}
