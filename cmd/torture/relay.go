package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// relay is the SMTP server of a round. It is the other witness: what it accepted
// it remembers by Message-ID and by recipient, whatever Posthorn's ledger says.
//
// Its faults are of three kinds. Some go with the recipient: the same addresses
// are refused for good, or the first times, whoever offers them. Some go with the
// mail: the next one that arrives gets it. Some last a while: a mood.
type relay struct {
	host string
	port int
	seed uint64

	mu       sync.Mutex
	random   *rand.Rand
	listener net.Listener
	conns    map[net.Conn]bool
	mood     mood
	pace     time.Duration        // from the final dot to its reply
	follow   time.Duration        // the same for follow-ups
	planned  []mailFault          // for the mails to come, one each
	accepted map[string]int       // by Message-ID: how often
	to       map[letter][]string  // the Message-IDs accepted for it
	silenced map[string]mailFault // by Message-ID: it may have come in full, and was not answered
	tries    map[string]int       // by recipient that is refused for now
	injected map[string]int       // faults so far, by name
	sessions sync.WaitGroup
}

// letter is what a recipient is to get once: the mail of a run.
type letter struct{ recipient, run string }

// letterOf finds the run in a Message-ID, which is MESSAGE.RUN@DOMAIN.
func letterOf(recipient, id string) letter {
	_, run, _ := strings.Cut(id, ".")
	run, _, _ = strings.Cut(run, "@")
	return letter{recipient, run}
}

// mood is how the relay treats everybody for a while.
type mood string

const (
	well    mood = ""
	refuses mood = "refuses connections"
	busy    mood = "421 at the greeting"
	slow    mood = "a recipient a second"
)

// mailFault is what happens to one mail.
type mailFault string

const (
	cutInData   mailFault = "cut inside DATA"
	cutAccepted mailFault = "cut after the dot, accepted"
	cutRefused  mailFault = "cut after the dot, not accepted"
	hangs       mailFault = "hang at the dot"
	slowDot     mailFault = "slow dot"
)

// hangFor bounds how long the relay is silent before it hangs up, and a slow dot.
const hangFor = 3 * time.Second

func startRelay(seed uint64) (*relay, error) {
	r := &relay{
		seed: seed, random: rand.New(rand.NewPCG(seed, 2)), conns: map[net.Conn]bool{},
		accepted: map[string]int{}, to: map[letter][]string{}, silenced: map[string]mailFault{}, tries: map[string]int{}, injected: map[string]int{},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	r.host, r.port = addr.IP.String(), addr.Port
	r.serve(l)
	return r, nil
}

// fate is what a recipient is to expect, always the same for the same seed: how
// often it is refused for now, and whether for good.
func (r *relay) fate(address string) (refusals int, gone bool) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", r.seed, address)
	switch n := h.Sum64() % 1000; {
	case n < 10:
		return 0, true
	case n < 20:
		return 3, false
	case n < 50:
		return 1, false
	default:
		return 0, false
	}
}

// plan has a fault for the next mail that is offered.
func (r *relay) plan(f mailFault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned = append(r.planned, f)
}

// feel changes the mood.
func (r *relay) feel(m mood) error {
	r.mu.Lock()
	before := r.mood
	r.mood = m
	if m != well {
		r.injected[string(m)]++
	}
	if m == refuses && r.listener != nil {
		_ = r.listener.Close()
	}
	r.mu.Unlock()
	if before != refuses || m == refuses {
		return nil
	}
	return within(10*time.Second, func() error {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", r.host, r.port))
		if err == nil {
			r.serve(l)
		}
		return err
	})
}

// setPace makes every mail of a campaign take so long, and every follow-up.
func (r *relay) setPace(campaign, followUp time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace, r.follow = campaign, followUp
}

// calm ends all faults but those of the recipients, and those that are planned
// for the very next mails.
func (r *relay) calm() error {
	r.setPace(0, 0)
	return r.feel(well)
}

// stop hangs up on everybody.
func (r *relay) stop() {
	r.mu.Lock()
	_ = r.listener.Close()
	for conn := range r.conns {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.sessions.Wait()
}

// count is how many mails were accepted.
func (r *relay) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.accepted)
}

func (r *relay) serve(l net.Listener) {
	r.mu.Lock()
	r.listener = l
	r.mu.Unlock()
	r.sessions.Add(1)
	go func() {
		defer r.sessions.Done()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns[conn] = true
			r.mu.Unlock()
			r.sessions.Add(1)
			go func() {
				defer r.sessions.Done()
				s := session{relay: r, conn: conn, in: bufio.NewReaderSize(conn, 32<<10), out: bufio.NewWriter(conn)}
				s.run()
				_ = conn.Close()
				r.mu.Lock()
				delete(r.conns, conn)
				r.mu.Unlock()
			}()
		}
	}()
}

// session is one connection.
type session struct {
	*relay
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	to   string // of the mail under way; "": none was accepted
}

var errHungUp = errors.New("the relay hangs up")

func (s *session) run() {
	if s.now() == busy {
		s.reply("421 4.3.2 too busy")
		return
	}
	if s.reply("220 torture ESMTP") != nil {
		return
	}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return
		}
		if s.command(strings.TrimRight(line, "\r\n")) != nil {
			return
		}
	}
}

func (s *session) command(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return s.reply("250-torture\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
	case "MAIL":
		// Connections that were open before end here, where nothing is under way.
		switch s.now() {
		case refuses:
			return errHungUp
		case busy:
			s.reply("421 4.3.2 too busy")
			return errHungUp
		}
		s.to = ""
		return s.reply("250 2.1.0 ok")
	case "RCPT":
		return s.reply(s.recipient(rest))
	case "DATA":
		if s.to == "" {
			return s.reply("554 5.5.1 no valid recipients")
		}
		return s.data()
	case "QUIT":
		s.reply("221 2.0.0 bye")
		return errHungUp
	default:
		s.to = ""
		return s.reply("250 2.0.0 ok")
	}
}

func (s *session) now() mood {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mood
}

func (s *session) recipient(rest string) string {
	_, address, _ := strings.Cut(rest, "<")
	address, _, _ = strings.Cut(address, ">")
	if s.now() == slow {
		time.Sleep(time.Second)
	}
	refusals, gone := s.fate(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries[address]++
	switch {
	case gone:
		s.injected["550"]++
		return "550 5.1.1 no such mailbox"
	case s.tries[address] <= refusals:
		s.injected["451"]++
		return "451 4.2.1 come again"
	}
	s.to = address
	return "250 2.1.5 ok"
}

func (s *session) data() error {
	s.mu.Lock()
	var fault mailFault
	if len(s.planned) > 0 {
		fault, s.planned = s.planned[0], s.planned[1:]
		s.injected[string(fault)]++
	}
	s.mu.Unlock()
	if err := s.reply("354 go ahead"); err != nil {
		return err
	}
	id, err := s.content(fault == cutInData)
	if err != nil {
		if id != "" { // a small mail has left its sender with its dot in one go, who cannot tell how far we read
			s.mu.Lock()
			s.silenced[id] = fault
			s.mu.Unlock()
		}
		return err
	}
	to := s.to
	s.to = ""
	// From here on the mail may be ours: the reply, or its lack, comes after.
	s.mu.Lock()
	pace := s.pace
	if strings.HasSuffix(to, buyers) {
		pace = s.follow
	}
	accept := fault != cutRefused && (fault != hangs || s.random.IntN(2) == 0)
	if accept {
		s.accepted[id]++
		if l := letterOf(to, id); !slices.Contains(s.relay.to[l], id) {
			s.relay.to[l] = append(s.relay.to[l], id)
		}
	}
	if fault == cutAccepted || fault == cutRefused || fault == hangs {
		s.silenced[id] = fault
	}
	s.mu.Unlock()
	switch fault {
	case cutAccepted, cutRefused:
		return errHungUp
	case hangs:
		time.Sleep(hangFor)
		return errHungUp
	case slowDot:
		pace = hangFor
	}
	time.Sleep(pace)
	return s.reply("250 2.0.0 Ok: queued as " + id)
}

// content reads up to the final dot and returns the Message-ID. Where it is cut,
// that is after the header.
func (s *session) content(cut bool) (id string, err error) {
	header := true
	for {
		line, err := s.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if cut && !header {
			return id, errHungUp
		}
		switch text := string(line); {
		case text == ".\r\n":
			if id == "" {
				return "", errors.New("a mail without Message-ID")
			}
			return id, nil
		case text == "\r\n":
			header = false
		case header && len(text) > 11 && strings.EqualFold(text[:11], "Message-ID:"):
			id = strings.Trim(text[11:], " <>\r\n")
		}
	}
}

// reply answers, together with what is said to commands that have come already.
func (s *session) reply(text string) error {
	if _, err := io.WriteString(s.out, text+"\r\n"); err != nil {
		return err
	}
	if s.in.Buffered() > 0 {
		return nil
	}
	return s.out.Flush()
}

// within tries until it works, the time is over or we are interrupted.
func within(limit time.Duration, try func() error) error {
	for until := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		if err := try(); err == nil || errors.Is(err, context.Canceled) || time.Now().After(until) {
			return err
		}
	}
}
