package users

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// InvitationLife is how long an invitation can be used.
const InvitationLife = 7 * 24 * time.Hour

const tokenBytes = 32 // 256 random bits

// Invite makes a token with which a person can choose a password, once, and returns
// it: only its hash is stored. An earlier one is void. A person who has a password
// already can use it where they forgot that one. It returns fault.NotFound, or
// fault.Conflict where the account is disabled.
func Invite(ctx context.Context, db postgres.DB, now time.Time, id int64) (token string, u User, err error) {
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	token = base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(token))
	u, err = scan(db.QueryRow(ctx, `
		UPDATE users SET invitation_hash = $2, invitation_until = $3, updated_at = $4
		WHERE id = $1 AND disabled_at IS NULL
		RETURNING `+columns, id, hash[:], now.Add(InvitationLife), now))
	if errors.Is(err, pgx.ErrNoRows) {
		if u, err = Get(ctx, db, id); err == nil {
			err = fault.Conflictf(string(u.State), "this account is disabled: enable it first")
		}
		return "", User{}, err
	}
	if err != nil {
		return "", User{}, fmt.Errorf("users: invite: %w", err)
	}
	return token, u, nil
}

// ErrNoInvitation says that a token was never given out, was used, replaced, or is too old.
var ErrNoInvitation = errors.New("users: the invitation is unknown, used or too old")

// Invitee returns whom a token is for. It returns ErrNoInvitation.
func Invitee(ctx context.Context, db postgres.DB, now time.Time, token string) (User, error) {
	hash := sha256.Sum256([]byte(token))
	u, err := scan(db.QueryRow(ctx, `
		SELECT `+columns+` FROM users
		WHERE invitation_hash = $1 AND invitation_until > $2 AND disabled_at IS NULL`, hash[:], now))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrNoInvitation
	}
	if err != nil {
		return User{}, fmt.Errorf("users: look up invitation: %w", err)
	}
	return u, nil
}

// Accept sets the invited person's password, and their name where one is given; all
// their sessions end. It returns ErrNoInvitation, ErrBusy, fault.Invalid or fault.List.
func Accept(ctx context.Context, db postgres.DB, passwords *Passwords, now time.Time, token, name, password string) (User, error) {
	u, err := Invitee(ctx, db, now, token)
	if err != nil {
		return User{}, err
	}
	var wrong fault.List
	name = check.Text(&wrong, "name", name, maxName)
	checkPassword(&wrong, "password", password, u.Email)
	if err := wrong.Err(); err != nil {
		return User{}, err
	}
	fresh, err := passwords.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	// The token is asked for again: of two who use it at once, one does.
	hash := sha256.Sum256([]byte(token))
	u, err = scan(db.QueryRow(ctx, `
		UPDATE users SET
			password_hash = $3, name = CASE WHEN $4 <> '' THEN $4 ELSE name END, sessions_epoch = sessions_epoch + 1,
			invitation_hash = NULL, invitation_until = NULL, signed_in_at = $2, updated_at = $2
		WHERE invitation_hash = $1 AND invitation_until > $2 AND disabled_at IS NULL
		RETURNING `+columns, hash[:], now, fresh, name))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrNoInvitation
	}
	if err != nil {
		return User{}, fmt.Errorf("users: accept invitation: %w", err)
	}
	return u, nil
}
