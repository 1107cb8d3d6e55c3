package users

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/redis/go-redis/v9"
)

// Attempts makes those wait who try passwords. It counts failures, in Redis, for the
// account, for the address that the request came from, and for both together. Some
// are free; each one above doubles the wait. Failures are forgotten one by one in
// time, and those of an account when its password was right.
//
// The limits for both together are the tight ones, so that a stranger who fails on
// purpose does not keep the account's owner out, who comes from elsewhere. Whether an
// account exists makes no difference.
//
// An attempt counts as failed from its beginning: any number that begin at once are
// counted before the first one fails.
type Attempts struct{ redis *redis.Client }

// NewAttempts counts in the given Redis.
func NewAttempts(client *redis.Client) *Attempts { return &Attempts{client} }

// limit is what is forgiven: free failures, of which one is forgotten every so often.
type limit struct {
	free   int
	forget time.Duration
	wait   time.Duration // at most
}

var (
	limitBoth    = limit{free: 5, forget: 10 * time.Minute, wait: 15 * time.Minute}
	limitAccount = limit{free: 30, forget: 5 * time.Minute, wait: 5 * time.Minute}
	limitSource  = limit{free: 30, forget: time.Minute, wait: 15 * time.Minute}
)

const attemptsLife = 24 * time.Hour // of a count that nothing is added to

// begin counts an attempt, unless one of the counts says to wait.
//
//	KEYS  of the counts: hashes of level (failures, a fraction where some are being
//	      forgotten), at (when that was) and till (no attempt before)
//	ARGV  now, and the life of a key, in seconds; then free, forget and wait of each key
//	returns the seconds to wait, as text; "0": go on
var begin = redis.NewScript(`
local now, life = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait = 0
for _, key in ipairs(KEYS) do
	local till = tonumber(redis.call('HGET', key, 'till') or 0)
	wait = math.max(wait, till - now)
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
	local free, forget, most = tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1]), tonumber(ARGV[3*i+2])
	local old = redis.call('HMGET', key, 'level', 'at')
	local level = math.max(0, tonumber(old[1] or 0) - math.max(0, now - tonumber(old[2] or now)) / forget) + 1
	local till, above = 0, math.floor(level + 0.5) - free
	if above >= 0 then till = now + math.min(most, 2 ^ above) end
	redis.call('HSET', key, 'level', tostring(level), 'at', tostring(now), 'till', tostring(till))
	redis.call('EXPIRE', key, life)
end
return '0'`)

// Begin is called before a password, a code or a token is looked at. account is whose
// ("" where that is not known before it), source where the request comes from. It
// returns how long to wait; above 0 nothing must be looked at.
func (a *Attempts) Begin(ctx context.Context, now time.Time, account, source string) (time.Duration, error) {
	keys, limits := attemptKeys(account, source)
	args := []any{seconds(now), int(attemptsLife.Seconds())}
	for _, l := range limits {
		args = append(args, l.free, l.forget.Seconds(), l.wait.Seconds())
	}
	text, err := begin.Run(ctx, a.redis, keys, args...).Float64()
	if err != nil {
		return 0, fmt.Errorf("users: count an attempt: %w", err)
	}
	return time.Duration(math.Ceil(text)) * time.Second, nil
}

// back takes an attempt back.
//
//	KEYS  as in begin, the source's first
//	ARGV  1: it was right, so the account's failures are forgotten, and nobody waits;
//	      0: nothing was compared, so it is as if it had not been
var back = redis.NewScript(`
local right = ARGV[1] == '1'
for i, key in ipairs(KEYS) do
	local level = redis.call('HGET', key, 'level')
	if level and right and i > 1 then
		redis.call('DEL', key)
	elseif level then
		redis.call('HSET', key, 'level', tostring(math.max(0, tonumber(level) - 1)))
		if right then redis.call('HSET', key, 'till', '0') end
	end
end
return 1`)

// End is called after Begin when it did not fail: right, or with something else wrong
// than what is guessed.
func (a *Attempts) End(ctx context.Context, account, source string, right bool) error {
	keys, _ := attemptKeys(account, source)
	how := 0
	if right {
		how = 1
	}
	if err := back.Run(ctx, a.redis, keys, how).Err(); err != nil {
		return fmt.Errorf("users: take an attempt back: %w", err)
	}
	return nil
}

// attemptKeys hashes what it is given: neither address belongs in Redis.
func attemptKeys(account, source string) (keys []string, limits []limit) {
	key := func(parts ...string) string {
		h := sha256.New()
		for _, p := range parts {
			fmt.Fprintf(h, "%d:%s", len(p), p)
		}
		return "posthorn:attempts:" + hex.EncodeToString(h.Sum(nil)[:16])
	}
	keys, limits = []string{key("source", source)}, []limit{limitSource}
	if account != "" {
		account = emailKey(account)
		keys = append(keys, key("account", account), key("both", account, source))
		limits = append(limits, limitAccount, limitBoth)
	}
	return keys, limits
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
