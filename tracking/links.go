// Package tracking is what comes back from a mail that was sent: today, the wish
// to get no more of them.
//
// Every mail carries a link of its own (Links.Unsubscribe), in its text and in its
// List-Unsubscribe header. The link names the message and is signed, so that
// nobody can unsubscribe others by counting up. Following it shows who and what it
// is about (Lookup); only the button on that page, or the mail program's one-click
// POST (RFC 8058), changes anything (Unsubscribe).
package tracking

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"posthorn/internal/fault"
)

// UnsubscribePath is where the unsubscribe page lives below the base URL; the
// token follows.
const UnsubscribePath = "/u/"

// linkInfo binds the derived key to this use and this format.
const linkInfo = "posthorn unsubscribe link v1"

// macSize is how many bytes of the HMAC a token carries: half of SHA-256, the
// least that RFC 2104 section 5 recommends.
const macSize = 16

// maxToken bounds what is decoded: ten bytes of number, then the HMAC.
const maxToken = (binary.MaxVarintLen64 + macSize) * 4 / 3

// Links makes and reads the links of mails. Its zero value is of no use: see NewLinks.
type Links struct {
	base string
	key  []byte
}

// NewLinks returns links below baseURL (e.g. https://mail.shop.example), signed
// under a key derived from secret. Links stay valid for as long as secret stays.
func NewLinks(baseURL, secret string) Links {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, linkInfo, sha256.Size)
	if err != nil {
		panic("tracking: " + err.Error()) // only for lengths that HKDF cannot make
	}
	return Links{base: strings.TrimRight(baseURL, "/"), key: key}
}

// Unsubscribe returns the unsubscribe link of a message.
func (l Links) Unsubscribe(messageID int64) string {
	return l.base + UnsubscribePath + l.token(messageID)
}

// token is the message's number, as a varint, and its HMAC, in URL-safe base64:
// 23 to 35 characters.
func (l Links) token(messageID int64) string {
	raw := binary.AppendUvarint(make([]byte, 0, maxToken), uint64(messageID))
	return base64.RawURLEncoding.EncodeToString(append(raw, l.mac(raw)...))
}

// Parse returns the message that a token names. A token that Unsubscribe did not
// make is a fault.NotFound.
func (l Links) Parse(token string) (messageID int64, err error) {
	if len(token) > maxToken {
		return 0, notFound(token)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= macSize {
		return 0, notFound(token)
	}
	number, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	if !hmac.Equal(mac, l.mac(number)) {
		return 0, notFound(token)
	}
	id, _ := binary.Uvarint(number)
	// One message has one link: no other way to write its number or the base64
	// (which ignores line breaks, even strictly) is let through.
	if int64(id) <= 0 || l.token(int64(id)) != token {
		return 0, notFound(token)
	}
	return int64(id), nil
}

func (l Links) mac(b []byte) []byte {
	h := hmac.New(sha256.New, l.key)
	h.Write(b)
	return h.Sum(nil)[:macSize]
}

func notFound(token string) error {
	if len(token) > 12 {
		token = token[:12] + "…"
	}
	return fault.NotFoundf("unsubscribe link", fmt.Sprintf("%+q", token))
}
