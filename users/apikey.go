package users

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// APIKey is a program's way in. The key itself is shown once, when it is made.
type APIKey struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Role       Role       `json:"role" enum:"owner,marketer,ops,shop"`
	Prefix     string     `json:"prefix" example:"ph_k3Jd9a" doc:"The key's first characters, to tell it by. Empty for a key from before there were roles."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"To the minute; null: never."`
}

const (
	keyPrefix  = "ph_" // so that a key is recognised where it leaked
	keyBytes   = 32    // 256 random bits: base64url makes 43 characters of them
	shownOfKey = len(keyPrefix) + 6
	// usedEvery is how exactly it is known when a key was used: most requests write
	// nothing.
	usedEvery = time.Minute
)

var keyLength = len(keyPrefix) + base64.RawURLEncoding.EncodedLen(keyBytes)

const keyColumns = `id, name, role, prefix, created_at, last_used_at`

func scanKey(row pgx.Row) (APIKey, error) {
	var k APIKey
	err := row.Scan(&k.ID, &k.Name, &k.Role, &k.Prefix, &k.CreatedAt, &k.LastUsedAt)
	return k, err
}

// CreateAPIKey makes a key and returns it. It is not stored and cannot be shown again:
// the database has its SHA-256 only, which needs no salt since the key itself is random
// and long. It returns fault.Invalid, fault.List, or fault.Conflict where an active key
// has the name already.
func CreateAPIKey(ctx context.Context, db postgres.DB, now time.Time, name string, role Role) (string, APIKey, error) {
	var wrong fault.List
	name = strings.TrimSpace(name)
	if name == "" {
		wrong.Add("name", "is empty; say who or what will use the key")
	}
	name = check.Text(&wrong, "name", name, maxName)
	if !ofKeys(role) {
		wrong.Add("role", "must be owner, marketer, ops or shop")
	}
	if err := wrong.Err(); err != nil {
		return "", APIKey{}, err
	}
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	key := keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(key))

	var out APIKey
	err := postgres.InTx(ctx, db, func(tx pgx.Tx) (err error) {
		// There is no unique index, since a revoked key's name is free again: the
		// lock makes the look and the insert one step. It goes with the transaction.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('posthorn api key'), hashtext($1))`, name); err != nil {
			return err
		}
		out, err = scanKey(tx.QueryRow(ctx, `
			INSERT INTO api_keys (name, role, prefix, hash, created_at)
			SELECT $1, $2, $3, $4, $5
			WHERE NOT EXISTS (SELECT FROM api_keys WHERE name = $1 AND revoked_at IS NULL)
			RETURNING `+keyColumns, name, role, key[:shownOfKey], hash[:], now))
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.Conflictf("active", "there is an active key named %q already; choose another name", name)
		}
		return err
	})
	if err != nil {
		return "", APIKey{}, fmt.Errorf("users: create API key: %w", err)
	}
	return key, out, nil
}

// ListAPIKeys returns the active keys, the newest first: there are few.
func ListAPIKeys(ctx context.Context, db postgres.DB) ([]APIKey, error) {
	rows, err := db.Query(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE revoked_at IS NULL ORDER BY id DESC`)
	if err != nil {
		return nil, fmt.Errorf("users: list API keys: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (APIKey, error) { return scanKey(row) })
	if err != nil {
		return nil, fmt.Errorf("users: list API keys: %w", err)
	}
	return list, nil
}

// RevokeAPIKey ends a key: the next request with it is refused. It returns
// fault.NotFound, also where it was revoked before.
func RevokeAPIKey(ctx context.Context, db postgres.DB, now time.Time, id int64) error {
	tag, err := db.Exec(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, now)
	if err != nil {
		return fmt.Errorf("users: revoke API key: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fault.NotFoundf("API key", id)
	}
	return nil
}

// ErrBadKey says that a key is unknown or revoked.
var ErrBadKey = errors.New("users: the key is unknown or revoked")

// CheckAPIKey returns the active key that this is, and notes that it was used. It
// returns ErrBadKey.
func CheckAPIKey(ctx context.Context, db postgres.DB, now time.Time, key string) (APIKey, error) {
	if len(key) != keyLength || !strings.HasPrefix(key, keyPrefix) {
		return APIKey{}, ErrBadKey
	}
	hash := sha256.Sum256([]byte(key))
	var out APIKey
	var stored []byte
	err := db.QueryRow(ctx, `
		SELECT `+keyColumns+`, hash
		FROM api_keys
		WHERE hash = $1 AND revoked_at IS NULL`, hash[:]).Scan(&out.ID, &out.Name, &out.Role, &out.Prefix, &out.CreatedAt, &out.LastUsedAt, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return APIKey{}, ErrBadKey
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("users: look up API key: %w", err)
	}
	// The index has compared hashes, whose timing tells nothing about a key; this
	// keeps it so whatever the query becomes.
	if subtle.ConstantTimeCompare(hash[:], stored) != 1 {
		return APIKey{}, ErrBadKey
	}
	if out.LastUsedAt == nil || now.Sub(*out.LastUsedAt) >= usedEvery {
		// Many requests at once see the same row: one of them writes, the others need not.
		_, err := db.Exec(ctx, `
			UPDATE api_keys SET last_used_at = $2
			WHERE id = (SELECT id FROM api_keys WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3) FOR UPDATE SKIP LOCKED)`,
			out.ID, now, now.Add(-usedEvery))
		if err != nil {
			return APIKey{}, fmt.Errorf("users: note that an API key was used: %w", err)
		}
	}
	return out, nil
}
