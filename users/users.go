// Package users keeps who may come in: the people who sign in, with their role and
// password, and the keys of programs.
//
// A person's way: the first one sets up the installation and is its owner (setup.go).
// Every other one is made by an owner, or on the command line, without a password,
// and gets a link that works once (invitation.go); with it they choose their password.
// SignIn (signin.go) compares it. A session belongs to an epoch of its user: a new
// epoch ends all sessions at once, wherever they are kept. A person is disabled, never
// deleted, and there is always an owner who can sign in.
//
// What guessing costs is bounded in two places: attempts.go makes who failed wait
// longer each time, and password.go bounds how much memory all guesses take together.
//
// No password, token or key is stored: only what one can be compared with.
package users

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"posthorn/contacts"
	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// User is a person who signs in, or could.
type User struct {
	ID              int64      `json:"id"`
	Email           string     `json:"email"`
	Name            string     `json:"name"`
	Role            Role       `json:"role" enum:"owner,marketer,ops"`
	State           State      `json:"state" enum:"invited,active,disabled"`
	Language        string     `json:"language" enum:",en,de" doc:"Empty: the browser's."`
	Timezone        string     `json:"timezone" doc:"IANA name. Empty: the browser's."`
	CreatedAt       time.Time  `json:"created_at"`
	SignedInAt      *time.Time `json:"signed_in_at" doc:"The last time; null: never."`
	InvitationUntil *time.Time `json:"invitation_until" doc:"A link to choose a password can be used until then; null: there is none."`

	// Epoch is the one that a session has to be of.
	Epoch int `json:"-"`
}

// State is whether somebody can sign in.
type State string

const (
	Invited  State = "invited" // has no password yet
	Active   State = "active"
	Disabled State = "disabled"
)

const maxName = 100 // characters

const columns = `id, email, name, role, password_hash <> '', disabled_at IS NOT NULL, language, timezone, created_at, signed_in_at, invitation_until, sessions_epoch`

// scan reads a row of columns, and of more where they are asked for.
func scan(row pgx.Row, more ...any) (User, error) {
	var u User
	var hasPassword, disabled bool
	err := row.Scan(append([]any{&u.ID, &u.Email, &u.Name, &u.Role, &hasPassword, &disabled, &u.Language, &u.Timezone, &u.CreatedAt, &u.SignedInAt,
		&u.InvitationUntil, &u.Epoch}, more...)...)
	switch {
	case disabled:
		u.State = Disabled
	case hasPassword:
		u.State = Active
	default:
		u.State = Invited
	}
	return u, err
}

// Any reports whether there is anybody, be they disabled or not.
func Any(ctx context.Context, db postgres.DB) (bool, error) {
	var any bool
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM users)`).Scan(&any); err != nil {
		return false, fmt.Errorf("users: look for any: %w", err)
	}
	return any, nil
}

// Get returns a person. It returns fault.NotFound.
func Get(ctx context.Context, db postgres.DB, id int64) (User, error) {
	u, err := scan(db.QueryRow(ctx, `SELECT `+columns+` FROM users WHERE id = $1`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fault.NotFoundf("user", id)
	}
	if err != nil {
		return User{}, fmt.Errorf("users: get: %w", err)
	}
	return u, nil
}

// Find returns a person by address. It returns fault.NotFound, which does not repeat
// the address.
func Find(ctx context.Context, db postgres.DB, email string) (User, error) {
	u, err := scan(db.QueryRow(ctx, `SELECT `+columns+` FROM users WHERE email_key = $1`, emailKey(email)))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fault.NotFoundf("user", "with this address")
	}
	if err != nil {
		return User{}, fmt.Errorf("users: find: %w", err)
	}
	return u, nil
}

// List returns everybody, by name and address: there are few.
func List(ctx context.Context, db postgres.DB) ([]User, error) {
	rows, err := db.Query(ctx, `SELECT `+columns+` FROM users ORDER BY lower(name), email_key`)
	if err != nil {
		return nil, fmt.Errorf("users: list: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (User, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("users: list: %w", err)
	}
	return list, nil
}

// Input is what an owner says about a person.
type Input struct {
	Email string
	Name  string
	Role  Role
}

// normalize returns the address as it is kept and its key.
func (in *Input) normalize() (email, key string, err error) {
	var wrong fault.List
	email, key, err = contacts.NormalizeEmail(in.Email)
	var invalid *fault.Invalid
	if errors.As(err, &invalid) {
		wrong.Add("email", "%s", invalid.Message)
	}
	in.Name = check.Text(&wrong, "name", in.Name, maxName)
	if !ofPeople(in.Role) {
		wrong.Add("role", "must be owner, marketer or ops")
	}
	return email, key, wrong.Err()
}

// emailKey is what an address is found by. Text that is no address has one, too:
// nobody is found by it.
func emailKey(email string) string {
	if _, key, err := contacts.NormalizeEmail(email); err == nil {
		return key
	}
	return strings.ToLower(strings.TrimSpace(email))
}

var errEmailTaken = fault.Invalidf("email", "is the address of somebody who is here already")

// Create makes a person who has no password yet; see Invite. It returns fault.Invalid
// or fault.List, also where the address is somebody's already.
func Create(ctx context.Context, db postgres.DB, now time.Time, in Input) (User, error) {
	email, key, err := in.normalize()
	if err != nil {
		return User{}, err
	}
	u, err := scan(db.QueryRow(ctx, `
		INSERT INTO users (email, email_key, name, role, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (email_key) DO NOTHING
		RETURNING `+columns, email, key, in.Name, in.Role, now))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, errEmailTaken
	}
	if err != nil {
		return User{}, fmt.Errorf("users: create: %w", err)
	}
	return u, nil
}

// Change is what an owner makes of a person.
type Change struct {
	Input
	Disabled bool
}

// Update changes a person. Who is disabled is signed out everywhere, and an invitation
// is void. It returns fault.NotFound, fault.Invalid, fault.List, or fault.Conflict
// where no owner who can sign in would be left.
func Update(ctx context.Context, db postgres.DB, now time.Time, id int64, in Change) (User, error) {
	email, key, err := in.normalize()
	if err != nil {
		return User{}, err
	}
	var out User
	err = postgres.InTx(ctx, db, func(tx pgx.Tx) error {
		// Two owners who disable each other: one after the other, and the second is told.
		if err := lockOwners(ctx, tx); err != nil {
			return err
		}
		var taken bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM users WHERE email_key = $1 AND id <> $2)`, key, id).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return errEmailTaken
		}
		out, err = scan(tx.QueryRow(ctx, `
			UPDATE users SET
				email = $2, email_key = $3, name = $4, role = $5, updated_at = $6,
				disabled_at = CASE WHEN $7 THEN coalesce(disabled_at, $6) END,
				sessions_epoch = sessions_epoch + CASE WHEN $7 AND disabled_at IS NULL THEN 1 ELSE 0 END,
				invitation_hash = CASE WHEN NOT $7 THEN invitation_hash END,
				invitation_until = CASE WHEN NOT $7 THEN invitation_until END
			WHERE id = $1
			RETURNING `+columns, id, email, key, in.Name, in.Role, now, in.Disabled))
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("user", id)
		}
		if err != nil {
			return err
		}
		var left bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM users WHERE role = $1 AND disabled_at IS NULL AND password_hash <> '')`, Owner).Scan(&left)
		if err == nil && !left {
			return fault.Conflictf("", "this is the last owner who can sign in: make somebody else an owner first")
		}
		return err
	})
	if err != nil {
		return User{}, fmt.Errorf("users: update: %w", err)
	}
	return out, nil
}

// lockOwners lets one transaction at a time decide who is an owner.
func lockOwners(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('posthorn owners'), 0)`)
	return err
}

// Profile is what people say about themselves.
type Profile struct {
	Name     string
	Language string // en, de; "": the browser's
	Timezone string // IANA name; "": the browser's
}

// SetProfile changes it. It returns fault.NotFound, fault.Invalid or fault.List.
func SetProfile(ctx context.Context, db postgres.DB, now time.Time, id int64, p Profile) (User, error) {
	var wrong fault.List
	p.Name = check.Text(&wrong, "name", p.Name, maxName)
	p.Timezone = check.Zone(&wrong, "timezone", p.Timezone)
	switch p.Language {
	case "", "en", "de":
	default:
		wrong.Add("language", "must be en, de or empty")
	}
	if err := wrong.Err(); err != nil {
		return User{}, err
	}
	u, err := scan(db.QueryRow(ctx, `
		UPDATE users SET name = $2, language = $3, timezone = $4, updated_at = $5
		WHERE id = $1
		RETURNING `+columns, id, p.Name, p.Language, p.Timezone, now))
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fault.NotFoundf("user", id)
	}
	if err != nil {
		return User{}, fmt.Errorf("users: set profile: %w", err)
	}
	return u, nil
}

// EndSessions begins a new epoch: every session of this person is over.
func EndSessions(ctx context.Context, db postgres.DB, now time.Time, id int64) error {
	if _, err := db.Exec(ctx, `UPDATE users SET sessions_epoch = sessions_epoch + 1, updated_at = $2 WHERE id = $1`, id, now); err != nil {
		return fmt.Errorf("users: end sessions: %w", err)
	}
	return nil
}
