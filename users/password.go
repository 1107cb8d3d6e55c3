package users

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"posthorn/internal/fault"
)

// Lengths of a password, in characters.
const (
	minPassword = 12
	maxPassword = 200
)

// Passwords makes and compares argon2id hashes (RFC 9106), a few at a time: each one
// takes the memory of its cost, and strangers say how many are asked for.
type Passwords struct {
	cost  argon2id.Params
	slots chan struct{}

	once  sync.Once
	decoy string // what the password of nobody is compared with
}

// Cost is what one hash takes.
type Cost struct {
	Memory     uint32 // KiB
	Iterations uint32
}

// DefaultCost is above OWASP's minimum (19 MiB, 2 iterations): 32 MiB, 3 iterations,
// one thread; about 80 ms of a present CPU.
var DefaultCost = Cost{Memory: 32 << 10, Iterations: 3}

const (
	passwordsAtOnce = 2               // 64 MiB of hashes under way, whatever comes in
	passwordWait    = 5 * time.Second // then ErrBusy
)

// NewPasswords returns Passwords of a cost. Processes may differ in it: a hash knows
// its own, and is made anew at its user's next sign-in where the cost is another.
func NewPasswords(cost Cost) *Passwords {
	return &Passwords{
		cost:  argon2id.Params{Memory: cost.Memory, Iterations: cost.Iterations, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		slots: make(chan struct{}, passwordsAtOnce),
	}
}

// ErrBusy says that too many passwords are being compared at this moment.
var ErrBusy = errors.New("users: too many passwords are being compared; try again in a moment")

// hash makes the hash of a password that has been checked.
func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	release, err := p.slot(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return argon2id.CreateHash(norm.NFC.String(password), &p.cost)
}

// compare says whether a password has the hash, and whether the hash is to be made
// anew. Where hash is "" it takes as long and says no.
func (p *Passwords) compare(ctx context.Context, password, hash string) (same, stale bool, err error) {
	release, err := p.slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	p.once.Do(func() { p.decoy, err = argon2id.CreateHash(rand.Text(), &p.cost) })
	if err != nil {
		return false, false, err
	}
	known := hash != ""
	if !known {
		hash = p.decoy
	}
	same, cost, err := argon2id.CheckHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, false, fmt.Errorf("users: compare password: %w", err)
	}
	return same && known, cost.Memory != p.cost.Memory || cost.Iterations != p.cost.Iterations || cost.Parallelism != p.cost.Parallelism, nil
}

func (p *Passwords) slot(ctx context.Context) (release func(), err error) {
	wait := time.NewTimer(passwordWait)
	defer wait.Stop()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-wait.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// guessed are words that say nothing about a password that holds them.
var guessed = []string{"password", "passwort", "posthorn", "qwertz", "qwerty", "asdfgh", "123456", "abcdef", "letmein", "welcome", "willkommen", "admin", "geheim", "secret"}

// checkPassword notes what is wrong with a new password. Length is what counts; what
// else is refused is what is tried first.
func checkPassword(wrong *fault.List, field, password, email string) {
	length := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		wrong.Add(field, "is not valid UTF-8")
		return
	case length < minPassword:
		wrong.Add(field, "is too short: at least %d characters, e.g. four words", minPassword)
		return
	case length > maxPassword:
		wrong.Add(field, "is longer than %d characters", maxPassword)
		return
	}
	lower := strings.ToLower(password)
	different := map[rune]bool{}
	for _, r := range lower {
		different[r] = true
	}
	rest := lower
	local, domain, _ := strings.Cut(strings.ToLower(email), "@")
	for _, word := range append([]string{local, domain}, guessed...) {
		if len(word) >= 4 {
			rest = strings.ReplaceAll(rest, word, "")
		}
	}
	if len(different) < 5 || utf8.RuneCountInString(rest) < 6 {
		wrong.Add(field, "is easy to guess: take something else, e.g. four words that have nothing to do with each other")
	}
}
