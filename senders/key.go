package senders

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"posthorn/internal/check"
	"posthorn/internal/fault"
)

// Sizes of RSA keys, in bits: below the least, verifiers must ignore a signature;
// above the most, they need not be able to verify it (RFC 8301 3.2).
const (
	leastRSA = 1024
	newRSA   = 2048
	mostRSA  = 4096
)

// maxRecordName is the longest name in the DNS, as text (RFC 1035 2.3.4).
const maxRecordName = 253

// normalize brings the names into their form and collects what is wrong.
func (in *PutInput) normalize() error {
	var wrong fault.List
	in.Domain, in.Selector = normalizeDomain(in.Domain), strings.ToLower(in.Selector)
	_, ok := check.Domain(in.Domain)
	if !ok {
		wrong.Add("domain", "must be a domain such as shop.example")
	}
	switch {
	case !validSelector(in.Selector):
		wrong.Add("selector", "must be letters, digits and hyphens in labels of 1 to 63, as a DNS name has them, such as 2026a")
	case ok && len(in.name()) > maxRecordName:
		wrong.Add("selector", "is too long: with the domain it must fit into a DNS name of %d characters", maxRecordName)
	}
	if in.Algorithm != RSA && in.Algorithm != Ed25519 {
		wrong.Add("algorithm", "must be %s or %s", RSA, Ed25519)
	}
	return wrong.Err()
}

func (in *PutInput) name() string { return recordName(in.Domain, in.Selector) }

// normalizeDomain returns a domain as it is stored; what is none stays as it is.
func normalizeDomain(s string) string {
	if ascii, ok := check.Domain(strings.TrimSuffix(s, ".")); ok {
		return ascii
	}
	return s
}

// validSelector checks sub-domain *( "." sub-domain ) of RFC 6376 3.1.
func validSelector(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// key returns the private key that was given, or a new one.
func (in *PutInput) key() (crypto.Signer, error) {
	if in.PrivateKey != "" {
		return in.parse()
	}
	if in.Algorithm == Ed25519 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, newRSA)
}

func (in *PutInput) parse() (crypto.Signer, error) {
	const field = "private_key"
	block, rest := pem.Decode([]byte(in.PrivateKey))
	if block == nil {
		return nil, fault.Invalidf(field, "is not PEM, which begins with -----BEGIN PRIVATE KEY-----")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, fault.Invalidf(field, "holds more than one key: give one alone")
	}
	var key any
	var err error
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, fault.Invalidf(field, "is encrypted: give it without a passphrase (openssl pkey -in FILE)")
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fault.Invalidf(field, "is neither PRIVATE KEY (PKCS #8) nor RSA PRIVATE KEY (PKCS #1)")
	}
	if err != nil { // without its words, which may hold parts of the key
		return nil, fault.Invalidf(field, "cannot be read: it is damaged, or of a kind that is not known here")
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if in.Algorithm != RSA {
			break
		}
		if bits := key.N.BitLen(); bits < leastRSA || bits > mostRSA {
			return nil, fault.Invalidf(field, "has %d bits: an RSA key for DKIM has %d to %d, usually %d", bits, leastRSA, mostRSA, newRSA)
		}
		return key, nil
	case ed25519.PrivateKey:
		if in.Algorithm == Ed25519 {
			return key, nil
		}
	}
	return nil, fault.Invalidf(field, "is not a key of %s", in.Algorithm)
}

// encode returns a key's private part in PKCS #8, and its public part as in a
// record's p=: SubjectPublicKeyInfo for RSA, as everybody does it (RFC 6376 3.6.1,
// erratum 3017), the bare 32 bytes for Ed25519 (RFC 8463 4.2).
func encode(key crypto.Signer) (private, public []byte, err error) {
	if private, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, nil, err
	}
	if bare, ok := key.Public().(ed25519.PublicKey); ok {
		return private, bare, nil
	}
	public, err = x509.MarshalPKIXPublicKey(key.Public())
	return private, public, err
}

// decode is the reverse of encode, for the private part.
func decode(private []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%T does not sign", key)
	}
	return signer, nil
}
