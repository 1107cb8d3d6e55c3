package delivery

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/textproto"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"posthorn/relays"
)

// session is one SMTP connection. It is used by one goroutine at a time.
//
// go-mail's Client.SendWithSMTPClient is not used to send: it cannot tell whether
// the final dot left this process, renders the mail while it is being sent, and
// completes a truncated mail when it says QUIT after a failed write. Here the
// phases are spoken one by one over go-mail's smtp.Client.
type session struct {
	conn     net.Conn // the TCP connection: its deadline also bounds TLS on top of it
	client   *smtp.Client
	opt      Options
	settings settings
	room     bytes.Buffer // where mails are written before they are offered
	mails    int          // accepted or refused, but in full
	fresh    bool         // not rested in a pool and not used since it was opened
	broken   bool         // of no more use, to be closed without QUIT

	note func(step string, took time.Duration, seen string, failed *Outcome) // while it is opened for a test
}

// Phases of a mail, as errors name them.
const (
	phaseMail = "MAIL"
	phaseRcpt = "RCPT"
	phaseData = "DATA"
	phaseBody = "content"
	phaseDot  = "end of content"
)

// Send offers one mail and says what became of it. Where the connection broke with
// the last mail or while it was idle, Send opens a new one; where it cannot, the
// outcome is Unreachable.
func (c *Conn) Send(ctx context.Context, m Mail) Outcome {
	for {
		if ctx.Err() != nil {
			return *interrupted()
		}
		if c.s != nil && c.s.mails >= c.pools.opt.MailsPerConn {
			c.s.quit()
			c.s = nil
		}
		if c.s == nil {
			if out := c.open(ctx); out != nil {
				out.Class = Unreachable // a refused login is nothing against this mail
				return *out
			}
		}
		s, rested := c.s, !c.s.fresh
		eightBit, _ := s.client.Extension("8BITMIME")
		e, unfit := render(m, eightBit && s.settings.encoding != relays.EncodingQuotedPrintable, &s.room)
		if unfit != nil {
			return *unfit
		}
		out, phase := s.send(ctx, e)
		if s.broken {
			s.close()
			c.s = nil
		}
		// Relays hang up on connections that were idle for a while or carried enough
		// mails. That shows at the next MAIL and is nothing against this mail.
		if rested && phase == phaseMail && (out.Reason == ReasonConnectionLost || out.Reason == ReasonRelayBusy) {
			continue // at most once: what c.open returns is fresh
		}
		return out
	}
}

// send speaks one mail transaction. It also returns the phase in which it ended.
// After it, s is either ready for the next MAIL or broken.
func (s *session) send(ctx context.Context, e envelope) (Outcome, string) {
	s.fresh = false
	stop := context.AfterFunc(ctx, s.interrupt)
	defer stop()

	if phase, err := s.begin(ctx, e); err != nil {
		out := s.refused(ctx, phase, err)
		if phase != phaseMail {
			s.reset(ctx)
		}
		return out, phase
	}

	// The relay waits for the content: from here on the context is not obeyed.
	if !stop() {
		s.broken = true
		return *interrupted(), phaseData
	}
	// Any error from here to the reply leaves the connection in the middle of the
	// content, where QUIT would be taken for a line of the mail: it is only closed.
	text := s.client.Text
	s.expect(s.opt.CommandTimeout)
	if _, err := text.W.Write(e.content); err != nil {
		return s.refused(context.Background(), phaseBody, err), phaseBody
	}
	// A failed write means that not all bytes were taken, so that the last of them,
	// the dot's, cannot arrive: nothing was accepted.
	if err := text.W.Flush(); err != nil {
		return s.refused(context.Background(), phaseBody, err), phaseBody
	}
	s.expect(s.opt.DotTimeout)
	code, words, err := text.ReadResponse(2)
	s.mails++
	if err != nil {
		return s.unanswered(err), phaseDot
	}
	// No RSET: an accepted mail ends its transaction (RFC 5321 4.1.1.4), and a RSET
	// that failed could only be mistaken for something about the mail.
	return accepted(code, words), phaseDot
}

// begin speaks MAIL, RCPT and DATA, in one go where the relay offers PIPELINING:
// three round trips less, and as many system calls. It returns the first phase
// that was not answered with yes, and that answer.
func (s *session) begin(ctx context.Context, e envelope) (phase string, err error) {
	mail := "MAIL FROM:" + e.from
	if e.eightBit {
		mail += " BODY=8BITMIME"
	}
	steps := []struct {
		phase, command string
		yes            int
	}{{phaseMail, mail, 250}, {phaseRcpt, "RCPT TO:" + e.to, 25}, {phaseData, "DATA", 354}}
	text := s.client.Text
	pipelining, _ := s.client.Extension("PIPELINING")
	if !pipelining {
		for _, step := range steps {
			err := s.within(ctx, func() error {
				if err := text.PrintfLine("%s", step.command); err != nil {
					return err
				}
				_, _, err := text.ReadResponse(step.yes)
				return err
			})
			if err != nil {
				return step.phase, err
			}
		}
		return "", nil
	}
	if err := s.within(ctx, func() error {
		return text.PrintfLine("%s\r\n%s\r\n%s", steps[0].command, steps[1].command, steps[2].command)
	}); err != nil {
		return phaseMail, err
	}
	for _, step := range steps { // all answers come, also to what was asked in vain
		answer := s.within(ctx, func() error {
			_, _, err := text.ReadResponse(step.yes)
			return err
		})
		var reply *textproto.Error
		switch {
		case err == nil && answer != nil:
			phase, err = step.phase, answer
			if !errors.As(answer, &reply) {
				return phase, err // no more will come
			}
		case err != nil && answer == nil && step.phase == phaseData:
			s.broken = true // it waits for content although there is nobody to send it to
		case err != nil && !errors.As(answer, &reply) && answer != nil:
			s.broken = true
			return phase, err
		}
	}
	return phase, err
}

// reset ends a transaction that was refused half-way. Its own failure says
// nothing about the mail, only that the connection is done for.
func (s *session) reset(ctx context.Context) {
	if s.broken {
		return
	}
	if err := s.within(ctx, s.client.Reset); err != nil {
		s.broken = true
	}
}

// within runs one exchange of command and reply, bounded by the command timeout
// and the context.
func (s *session) within(ctx context.Context, exchange func() error) error {
	s.expect(s.opt.CommandTimeout)
	// After the deadline was set, so that an interrupt is either seen here or comes
	// later and moves the deadline.
	if err := ctx.Err(); err != nil {
		return err
	}
	return exchange()
}

// expect gives the relay so long to take what is written and to answer.
func (s *session) expect(d time.Duration) { _ = s.conn.SetDeadline(time.Now().Add(d)) }

// interrupt makes whatever waits for the relay fail at once.
func (s *session) interrupt() { _ = s.conn.SetDeadline(time.Unix(1, 0)) }

// close drops the connection without a word.
func (s *session) close() { _ = s.conn.Close() }

// quitTimeout is how long saying goodbye may take.
const quitTimeout = 2 * time.Second

// quit says goodbye and closes the connection.
func (s *session) quit() {
	s.expect(quitTimeout)
	_ = s.client.Quit()
	s.close()
}
