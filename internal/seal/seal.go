// Package seal keeps secrets in the database unreadable without POSTHORN_SECRET:
// relay passwords, DKIM keys.
//
// A box is nonce || ciphertext || tag of AES-256-GCM under HKDF-SHA-256(secret,
// purpose). The purpose makes a key of its own for each use, so a box of one use
// does not open as one of another; the name of the thing is authenticated with its
// box, so a box that was moved to another row does not open either.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Purpose is what a box is for. Boxes are stored: a purpose never changes.
type Purpose string

const (
	RelayPassword Purpose = "posthorn relay password v1"
	DKIMKey       Purpose = "posthorn dkim key v1"
)

// Seal puts plain into a box for the thing called name.
func Seal(secret string, purpose Purpose, name string, plain []byte) ([]byte, error) {
	aead, err := cipherOf(secret, purpose)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: it ends the program instead
	return aead.Seal(nonce, nonce, plain, []byte(name)), nil
}

// ErrSealed says that a box does not open: it was sealed with another secret, for
// another purpose or name, or was changed since.
var ErrSealed = errors.New("seal: the box does not open with this secret")

// Open is the reverse of Seal. It returns ErrSealed.
func Open(secret string, purpose Purpose, name string, box []byte) ([]byte, error) {
	aead, err := cipherOf(secret, purpose)
	if err != nil {
		return nil, err
	}
	if len(box) < aead.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], []byte(name))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func cipherOf(secret string, purpose Purpose) (cipher.AEAD, error) {
	if secret == "" {
		return nil, errors.New("seal: POSTHORN_SECRET is empty")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, string(purpose), 32)
	if err != nil {
		return nil, fmt.Errorf("seal: derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
