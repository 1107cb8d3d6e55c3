package relays

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// sealInfo binds the derived key to this use and this format.
const sealInfo = "posthorn relay password v1"

// seal encrypts a password with AES-256-GCM under HKDF-SHA-256(secret). The
// result is nonce || ciphertext || tag; the relay's name is authenticated with
// it, so that a sealed password is of no use in another relay's row.
func seal(secret, name, password string) ([]byte, error) {
	aead, err := sealer(secret)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: it ends the program instead
	return aead.Seal(nonce, nonce, []byte(password), []byte(name)), nil
}

var errSealed = errors.New("the sealed password does not open with this secret")

// open is the reverse of seal. No sealed password is the password "".
func open(secret, name string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	aead, err := sealer(secret)
	if err != nil {
		return "", err
	}
	if len(sealed) < aead.NonceSize() {
		return "", errSealed
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(name))
	if err != nil {
		return "", errSealed
	}
	return string(plain), nil
}

func sealer(secret string) (cipher.AEAD, error) {
	if secret == "" {
		return nil, errors.New("relays: POSTHORN_SECRET is empty")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, sealInfo, 32)
	if err != nil {
		return nil, fmt.Errorf("relays: derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
