// Package sandbox is a mail server for trying things out: it accepts every mail
// over SMTP, delivers none, and shows them on an inbox page.
//
// Mails are kept in memory, the newest first to be found and the oldest first to
// go; the counters go on counting. Some recipients make it behave like the
// servers one meets outside (see Magic).
//
// Whoever reaches its port can fill it, so it belongs on the loopback interface
// or in a private network.
package sandbox

import (
	"bytes"
	"hash/maphash"
	"log/slog"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/internal/clock"
)

// Options of a sandbox. The zero value is a sensible one.
type Options struct {
	Keep      int         // mails kept at most; 0 means 5000
	KeepBytes int         // and their size at most; 0 means 256 MiB
	Clock     clock.Clock // nil means the machine's
	Log       *slog.Logger
}

// Sandbox holds what arrived. It is safe for concurrent use.
type Sandbox struct {
	opts   Options
	server *smtp.Server
	seed   maphash.Seed

	mu       sync.RWMutex
	mails    []*Mail // oldest first, with consecutive ids
	bytes    int
	stats    Stats
	seen     map[uint64]struct{} // hashes of message id and recipient
	greylist map[string]bool     // recipients that were refused once
}

// Mail is one accepted mail.
type Mail struct {
	ID       int64 // 1, 2, … in the order of arrival
	Received time.Time
	From     string   // envelope
	To       []string // envelope
	Subject  string   // decoded
	Sender   string   // the From header, decoded
	Raw      []byte
}

// Stats counts since the start. Mails that are no longer kept are counted too.
type Stats struct {
	Accepted int64 // mails, by recipient
	Distinct int64 // of these, different in message id or recipient
	Refused  int64 // recipients refused for good (perm…)
	Deferred int64 // recipients refused for now (temp…, greylist…)
	First    time.Time
	Last     time.Time
}

// maxSeen bounds the memory for Distinct; beyond it every mail counts as distinct.
const maxSeen = 2_000_000

// New returns an empty sandbox.
func New(opts Options) *Sandbox {
	if opts.Keep <= 0 {
		opts.Keep = 5000
	}
	if opts.KeepBytes <= 0 {
		opts.KeepBytes = 256 << 20
	}
	if opts.Clock == nil {
		opts.Clock = clock.System
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sandbox{opts: opts, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, greylist: map[string]bool{}}
	s.server = s.newServer()
	return s
}

// Stats returns the counters.
func (s *Sandbox) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stats
}

// Mail returns one mail, where it is still kept.
func (s *Sandbox) Mail(id int64) (*Mail, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.mails) == 0 {
		return nil, false
	}
	i := id - s.mails[0].ID
	if i < 0 || i >= int64(len(s.mails)) {
		return nil, false
	}
	return s.mails[i], true
}

// Find returns the page (from 0) of n mails, newest first, that hold query in an
// address or the subject, and how many there are in all.
func (s *Sandbox) Find(query string, page, n int) (mails []*Mail, total int) {
	s.mu.RLock()
	all := slices.Clone(s.mails)
	s.mu.RUnlock()
	query = strings.ToLower(strings.TrimSpace(query))
	for i := len(all) - 1; i >= 0; i-- {
		if query != "" && !all[i].holds(query) {
			continue
		}
		if total >= page*n && len(mails) < n {
			mails = append(mails, all[i])
		}
		total++
	}
	return mails, total
}

func (m *Mail) holds(lower string) bool {
	if strings.Contains(strings.ToLower(m.Subject), lower) || strings.Contains(strings.ToLower(m.Sender), lower) ||
		strings.Contains(strings.ToLower(m.From), lower) {
		return true
	}
	for _, to := range m.To {
		if strings.Contains(strings.ToLower(to), lower) {
			return true
		}
	}
	return false
}

// keep stores an accepted mail and lets the oldest go.
func (s *Sandbox) keep(from string, to []string, raw []byte) {
	m := &Mail{Received: s.opts.Clock(), From: from, To: to, Raw: raw}
	messageID := ""
	if parsed, err := mail.ReadMessage(bytes.NewReader(head(raw))); err == nil {
		m.Subject, m.Sender = decode(parsed.Header.Get("Subject")), decode(parsed.Header.Get("From"))
		messageID = parsed.Header.Get("Message-Id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.ID = 1
	if n := len(s.mails); n > 0 {
		m.ID = s.mails[n-1].ID + 1
	}
	s.mails = append(s.mails, m)
	s.bytes += len(raw)
	for len(s.mails) > 1 && (len(s.mails) > s.opts.Keep || s.bytes > s.opts.KeepBytes) {
		s.bytes -= len(s.mails[0].Raw)
		s.mails[0] = nil // or its bytes would stay until the array is next replaced
		s.mails = s.mails[1:]
	}
	for _, rcpt := range to {
		s.stats.Accepted++
		var h maphash.Hash
		h.SetSeed(s.seed)
		_, _ = h.WriteString(messageID)
		_ = h.WriteByte(0)
		_, _ = h.WriteString(rcpt)
		key := h.Sum64()
		if _, again := s.seen[key]; !again || messageID == "" {
			s.stats.Distinct++
			if len(s.seen) < maxSeen {
				s.seen[key] = struct{}{}
			}
		}
	}
	if s.stats.First.IsZero() {
		s.stats.First = m.Received
	}
	s.stats.Last = m.Received
}

// head cuts a mail after its header, so that a body is not copied to read the subject.
func head(raw []byte) []byte {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(raw, []byte(end)); i >= 0 {
			return raw[:i+len(end)]
		}
	}
	return raw
}

var words = mime.WordDecoder{}

func decode(header string) string {
	if s, err := words.DecodeHeader(header); err == nil {
		return s
	}
	return header
}
