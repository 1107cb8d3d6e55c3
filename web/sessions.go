package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"posthorn/users"
)

// How long a session lasts: without a request, and in all.
const (
	sessionIdle = 24 * time.Hour
	sessionLife = 14 * 24 * time.Hour
)

// redisTimeout bounds a look into Redis: who signs in shall hear soon that it is away.
const redisTimeout = 3 * time.Second

// sessions keeps who is signed in, in Redis, under the hash of a random token that
// the browser has in a cookie. A session holds whose it is, of which epoch and since
// when; everything else is asked of Postgres at each request.
type sessions struct {
	manager *scs.SessionManager // nil: there is no Redis to keep them in
}

// session is an open one.
type session struct {
	userID int64
	epoch  int
}

const (
	sessionUser  = "user"
	sessionEpoch = "epoch"
	sessionSince = "since" // by the clock that all processes share
)

func newSessions(client *redis.Client, baseURL string) *sessions {
	m := scs.New()
	m.Lifetime = sessionLife
	m.HashTokenInStore = true
	m.Cookie.Name = cookieName(baseURL)
	m.Cookie.Secure = strings.HasPrefix(baseURL, "https://")
	m.Cookie.SameSite = http.SameSiteLaxMode
	if client == nil {
		return &sessions{}
	}
	m.Store = &touchingStore{goredisstore.NewWithPrefix(client, sessionPrefix), client}
	return &sessions{m}
}

// cookieName is what the session's cookie is called. Where there is TLS, its prefix
// makes browsers refuse one that a neighbour in the domain sets, or that came without
// TLS (RFC 6265bis 4.1.3.2). Without, it names the port: cookies are a host's, and two
// Posthorns on one machine would sign each other out.
func cookieName(baseURL string) string {
	const name = "posthorn_session"
	u, err := url.Parse(baseURL)
	switch {
	case err == nil && u.Scheme == "https":
		return "__Host-" + name
	case err == nil && u.Port() != "":
		return name + "_" + u.Port()
	}
	return name
}

const sessionPrefix = "posthorn:session:"

// touchingStore puts a session's end by idleness off with the read itself. To write
// the session back instead, as scs would, could bring one to life that another
// request ended meanwhile.
type touchingStore struct {
	*goredisstore.RedisStore
	client *redis.Client
}

func (s *touchingStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	b, err := s.client.GetEx(ctx, sessionPrefix+token, sessionIdle).Bytes()
	if err == redis.Nil {
		return nil, false, nil
	}
	return b, err == nil, err
}

func (s *touchingStore) CommitCtx(ctx context.Context, token string, b []byte, _ time.Time) error {
	return s.client.Set(ctx, sessionPrefix+token, b, sessionIdle).Err()
}

// token is what the request's cookie holds, or "".
func (s *sessions) token(r *http.Request) string {
	if s.manager == nil {
		return ""
	}
	c, err := r.Cookie(s.manager.Cookie.Name)
	if err != nil || len(c.Value) > 100 {
		return ""
	}
	return c.Value
}

// open begins a session for somebody and returns its cookie. Its token is always a
// new one: what the browser had before is worth nothing (fixation).
func (s *sessions) open(ctx context.Context, now time.Time, u users.User) (cookie string, err error) {
	if s.manager == nil {
		return "", errNoRedis
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	if ctx, err = s.manager.Load(ctx, ""); err != nil {
		return "", redisAway(err)
	}
	s.manager.Put(ctx, sessionUser, u.ID)
	s.manager.Put(ctx, sessionEpoch, u.Epoch)
	s.manager.Put(ctx, sessionSince, now.Unix())
	token, _, err := s.manager.Commit(ctx)
	if err != nil {
		return "", redisAway(err)
	}
	return s.cookie(token, int(sessionLife.Seconds())), nil
}

// find returns the open session of a token.
func (s *sessions) find(ctx context.Context, now time.Time, token string) (session, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	ctx, err := s.manager.Load(ctx, token)
	if err != nil {
		return session{}, false, redisAway(err)
	}
	since := time.Unix(s.manager.GetInt64(ctx, sessionSince), 0)
	if s.manager.Token(ctx) == "" || now.Sub(since) >= sessionLife {
		return session{}, false, nil
	}
	return session{s.manager.GetInt64(ctx, sessionUser), s.manager.GetInt(ctx, sessionEpoch)}, true, nil
}

// close ends a session and returns the cookie that makes the browser forget it.
func (s *sessions) close(ctx context.Context, token string) (cookie string, err error) {
	if s.manager == nil {
		return "", errNoRedis
	}
	if token != "" {
		ctx, cancel := context.WithTimeout(ctx, redisTimeout)
		defer cancel()
		if ctx, err = s.manager.Load(ctx, token); err != nil {
			return "", redisAway(err)
		}
		if s.manager.Token(ctx) != "" {
			if err := s.manager.Destroy(ctx); err != nil {
				return "", redisAway(err)
			}
		}
	}
	return s.cookie("", -1), nil
}

func (s *sessions) cookie(token string, maxAge int) string {
	c := s.manager.Cookie
	return (&http.Cookie{Name: c.Name, Value: token, Path: c.Path, MaxAge: maxAge, HttpOnly: c.HttpOnly, Secure: c.Secure, SameSite: c.SameSite}).String()
}
