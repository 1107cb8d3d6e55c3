package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

const (
	keyPrefix = "ph_" // so that a key is recognised where it leaked
	keyBytes  = 32    // 256 random bits: base64url makes 43 characters of them
)

var keyLength = len(keyPrefix) + base64.RawURLEncoding.EncodedLen(keyBytes)

// maxKeyName is the longest name of a key, in characters.
const maxKeyName = 100

// CreateAPIKey makes a key for the API and returns it. It is not stored and
// cannot be shown again: the database has its SHA-256 only, which needs no salt
// since the key itself is random and long. A name that an active key has already
// is a fault.Conflict.
func CreateAPIKey(ctx context.Context, db postgres.DB, now time.Time, name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", fault.Invalidf("name", "is empty; say who or what will use the key")
	case utf8.RuneCountInString(name) > maxKeyName:
		return "", fault.Invalidf("name", "is longer than %d characters", maxKeyName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", fault.Invalidf("name", "holds a control character or broken UTF-8")
	}
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	key := keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(key))

	err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		// There is no unique index, since a revoked key's name is free again: the
		// lock makes the look and the insert one step. It goes with the transaction.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('posthorn api key'), hashtext($1))`, name); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO api_keys (name, hash, created_at)
			SELECT $1, $2, $3
			WHERE NOT EXISTS (SELECT FROM api_keys WHERE name = $1 AND revoked_at IS NULL)`,
			name, hash[:], now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.Conflictf("active", "there is an active key named %q already; choose another name", name)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("create API key: %w", err)
	}
	return key, nil
}

// errBadKey says that a key is unknown or revoked.
var errBadKey = errors.New("web: the key is unknown or revoked")

// checkAPIKey returns the id of an active key, or errBadKey.
func checkAPIKey(ctx context.Context, db postgres.DB, key string) (int64, error) {
	if len(key) != keyLength || !strings.HasPrefix(key, keyPrefix) {
		return 0, errBadKey
	}
	hash := sha256.Sum256([]byte(key))
	var (
		id     int64
		stored []byte
	)
	err := db.QueryRow(ctx, `
		SELECT id, hash
		FROM api_keys
		WHERE hash = $1 AND revoked_at IS NULL`, hash[:]).Scan(&id, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errBadKey
	}
	if err != nil {
		return 0, fmt.Errorf("look up API key: %w", err)
	}
	// The index has compared hashes, whose timing tells nothing about a key; this
	// keeps it so whatever the query becomes.
	if subtle.ConstantTimeCompare(hash[:], stored) != 1 {
		return 0, errBadKey
	}
	return id, nil
}

// bearer takes the key out of an Authorization header (RFC 6750 2.1).
func bearer(header string) (string, bool) {
	scheme, key, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	key = strings.TrimSpace(key)
	return key, key != ""
}

// unauthorized answers a request without a valid key.
func unauthorized(requestID, detail, challenge string) *Problem {
	p := newProblem(requestID, http.StatusUnauthorized, detail)
	p.headers.Set("WWW-Authenticate", challenge)
	return p
}
