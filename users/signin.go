package users

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/internal/fault"
	"posthorn/postgres"
)

// ErrRefused says that an address and a password do not let anybody in, and not why:
// whether there is such an account is nobody's business.
var ErrRefused = errors.New("users: address or password is wrong")

// SignIn returns whose address and password these are. It returns ErrRefused, after
// the same work, where nobody has the address, the password is another, none was
// chosen yet, or the account is disabled; and ErrBusy. See Attempts for what comes
// before it.
func SignIn(ctx context.Context, db postgres.DB, passwords *Passwords, now time.Time, email, password string) (User, error) {
	var hash string
	u, err := scan(db.QueryRow(ctx, `SELECT `+columns+`, password_hash FROM users WHERE email_key = $1`, emailKey(email)), &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return User{}, fmt.Errorf("users: sign in: %w", err)
	}
	same, stale, err := passwords.compare(ctx, password, hash)
	switch {
	case err != nil:
		return User{}, err
	case !same || u.State != Active:
		return User{}, ErrRefused
	}
	fresh := hash
	if stale {
		if fresh, err = passwords.hash(ctx, password); err != nil {
			return User{}, err
		}
	}
	// Unless somebody changed the password or disabled the account meanwhile.
	u, err = scan(db.QueryRow(ctx, `
		UPDATE users SET signed_in_at = $2, password_hash = $3
		WHERE id = $1 AND password_hash = $4 AND disabled_at IS NULL
		RETURNING `+columns, u.ID, now, fresh, hash))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrRefused
	}
	if err != nil {
		return User{}, fmt.Errorf("users: sign in: %w", err)
	}
	return u, nil
}

// ChangePassword sets a password in place of the old one and ends all sessions. It
// returns ErrRefused where the old one is wrong, ErrBusy, fault.Invalid or fault.List.
func ChangePassword(ctx context.Context, db postgres.DB, passwords *Passwords, now time.Time, id int64, old, password string) (User, error) {
	var email, hash string
	err := db.QueryRow(ctx, `SELECT email, password_hash FROM users WHERE id = $1 AND disabled_at IS NULL`, id).Scan(&email, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fault.NotFoundf("user", id)
	}
	if err != nil {
		return User{}, fmt.Errorf("users: change password: %w", err)
	}
	var wrong fault.List
	checkPassword(&wrong, "new_password", password, email)
	if err := wrong.Err(); err != nil {
		return User{}, err
	}
	same, _, err := passwords.compare(ctx, old, hash)
	switch {
	case err != nil:
		return User{}, err
	case !same:
		return User{}, ErrRefused
	case old == password:
		return User{}, fault.Invalidf("new_password", "is the one you have")
	}
	return setPassword(ctx, db, passwords, now, id, password)
}

// SetPassword sets a password without asking for the old one: for whoever is allowed
// to use the command line. It returns fault.NotFound, fault.Invalid or fault.List.
func SetPassword(ctx context.Context, db postgres.DB, passwords *Passwords, now time.Time, id int64, password string) (User, error) {
	u, err := Get(ctx, db, id)
	if err != nil {
		return User{}, err
	}
	var wrong fault.List
	checkPassword(&wrong, "password", password, u.Email)
	if err := wrong.Err(); err != nil {
		return User{}, err
	}
	return setPassword(ctx, db, passwords, now, id, password)
}

// setPassword ends all sessions and voids the invitation.
func setPassword(ctx context.Context, db postgres.DB, passwords *Passwords, now time.Time, id int64, password string) (User, error) {
	hash, err := passwords.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	u, err := scan(db.QueryRow(ctx, `
		UPDATE users SET
			password_hash = $2, sessions_epoch = sessions_epoch + 1, invitation_hash = NULL, invitation_until = NULL, updated_at = $3
		WHERE id = $1
		RETURNING `+columns, id, hash, now))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fault.NotFoundf("user", id)
	}
	if err != nil {
		return User{}, fmt.Errorf("users: set password: %w", err)
	}
	return u, nil
}
