package users

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// setupInfo binds the derived code to this use and this format.
const setupInfo = "posthorn setup code v1"

// crockford has no letters that are taken for others (https://www.crockford.com/base32.html).
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// SetupCode is what whoever sets up the installation has to know: 100 bits derived from
// POSTHORN_SECRET, as 4 groups of 5 characters. It opens nothing once there is
// anybody. See docs/adr/0017.
func SetupCode(secret string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, setupInfo, 13)
	if err != nil {
		panic("users: " + err.Error()) // only for lengths that HKDF cannot make
	}
	text := crockford.EncodeToString(key)[:20]
	return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:]
}

// ErrSetupCode says that the code is another.
var ErrSetupCode = errors.New("users: the setup code is wrong")

var (
	errSetUp = fault.Conflictf("", "this installation has been set up: sign in, or let an owner invite you")
	asTyped  = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")
)

// SetupInput is what the owner says at the first start.
type SetupInput struct {
	Code     string
	Email    string
	Name     string
	Password string
	Language string
	Timezone string
}

// Setup makes the first person, who is the owner. It returns ErrSetupCode, ErrBusy,
// fault.Invalid, fault.List, or fault.Conflict where there is somebody already.
func Setup(ctx context.Context, db postgres.DB, passwords *Passwords, now time.Time, secret string, in SetupInput) (User, error) {
	any, err := Any(ctx, db)
	if err != nil {
		return User{}, err
	}
	if any {
		return User{}, errSetUp
	}
	want, got := asTyped.Replace(SetupCode(secret)), asTyped.Replace(strings.ToUpper(strings.TrimSpace(in.Code)))
	if subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		return User{}, ErrSetupCode
	}
	var wrong fault.List
	fields := Input{Email: in.Email, Name: in.Name, Role: Owner}
	email, key, err := fields.normalize()
	collect(&wrong, err)
	checkPassword(&wrong, "password", in.Password, in.Email)
	if err := wrong.Err(); err != nil {
		return User{}, err
	}
	hash, err := passwords.hash(ctx, in.Password)
	if err != nil {
		return User{}, err
	}
	var u User
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		// Of two who set up at once, the second waits here, and is told.
		if err := lockOwners(ctx, tx); err != nil {
			return err
		}
		var id int64
		err := tx.QueryRow(ctx, `
			INSERT INTO users (email, email_key, name, role, password_hash, signed_in_at, created_at, updated_at)
			SELECT $1, $2, $3, $4, $5, $6, $6, $6
			WHERE NOT EXISTS (SELECT FROM users)
			RETURNING id`, email, key, fields.Name, Owner, hash, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return errSetUp
		}
		if err != nil {
			return err
		}
		u, err = SetProfile(ctx, tx, now, id, Profile{Name: fields.Name, Language: in.Language, Timezone: in.Timezone})
		return err
	})
	if err != nil {
		return User{}, fmt.Errorf("users: set up: %w", err)
	}
	return u, nil
}

// collect adds what err says is wrong to the list.
func collect(wrong *fault.List, err error) {
	var list fault.List
	var one *fault.Invalid
	switch {
	case errors.As(err, &list):
		*wrong = append(*wrong, list...)
	case errors.As(err, &one):
		*wrong = append(*wrong, one)
	}
}
