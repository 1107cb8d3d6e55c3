package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sink is an SMTP server in a process of its own that accepts everything and
// remembers only how much.
type sink interface {
	name() string
	port() int
	count() int64 // mails accepted so far
	stop()
}

// startSink starts the sink of that name; "" is smtp-sink where it is installed.
func startSink(name string) (sink, error) {
	path, err := exec.LookPath("smtp-sink")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/smtp-sink") // which is not in everybody's PATH
	}
	switch {
	case name == "own" || name == "" && err != nil:
		return startOwnSink()
	case name != "" && name != "smtp-sink":
		return nil, fmt.Errorf("there is no sink %q; there are smtp-sink and own", name)
	case err != nil:
		return nil, fmt.Errorf("smtp-sink is not installed (apt-get install postfix): %w", err)
	}
	return startPostfixSink(path)
}

// postfixSink is Postfix's smtp-sink. It prints its counters after every mail.
type postfixSink struct {
	at   int
	cmd  *exec.Cmd
	mesg atomic.Int64
}

func startPostfixSink(path string) (*postfixSink, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &postfixSink{at: free.Addr().(*net.TCPAddr).Port}
	_ = free.Close()
	args := []string{"-c"}
	if os.Getuid() == 0 {
		args = append(args, "-u", "nobody")
	}
	s.cmd = exec.Command(path, append(args, fmt.Sprintf("127.0.0.1:%d", s.at), "256")...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.read(out)
	for range 100 {
		var conn net.Conn
		if conn, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.at)); err == nil {
			return s, conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("smtp-sink does not listen: %w", err)
}

// read keeps the last "sess=1 quit=0 mesg=5" of each look.
func (s *postfixSink) read(out io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := out.Read(buf)
		if at := bytes.LastIndex(buf[:n], []byte("mesg=")); at >= 0 {
			digits, _, whole := bytes.Cut(buf[at+len("mesg="):n], []byte("\r"))
			if mails, err := strconv.ParseInt(string(digits), 10, 64); err == nil && whole {
				s.mesg.Store(mails)
			}
		}
		if err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond) // so that reading costs next to nothing
	}
}

func (s *postfixSink) name() string { return "smtp-sink" }
func (s *postfixSink) port() int    { return s.at }

// count waits for what is printed, but not read, yet.
func (s *postfixSink) count() int64 {
	for last := int64(-1); last != s.mesg.Load(); time.Sleep(50 * time.Millisecond) {
		last = s.mesg.Load()
	}
	return s.mesg.Load()
}

func (s *postfixSink) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// ownSink is this program, run as "bench sink".
type ownSink struct {
	at  int
	cmd *exec.Cmd
	ask net.Conn
	in  *bufio.Reader
}

func startOwnSink() (*ownSink, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "sink")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if _, err := cmd.StdinPipe(); err != nil { // its end tells the sink to end
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	ask, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	s := &ownSink{at: port, cmd: cmd, ask: ask, in: bufio.NewReader(ask)}
	_, err = s.in.ReadString('\n')
	return s, err
}

func (s *ownSink) name() string { return "own" }
func (s *ownSink) port() int    { return s.at }

func (s *ownSink) count() int64 {
	var sum int64
	for _, n := range s.byClient() {
		sum += n
	}
	return sum
}

// byClient counts the mails accepted, by the name that the client gave in EHLO.
func (s *ownSink) byClient() map[string]int64 {
	fmt.Fprint(s.ask, "XCOUNT\r\n")
	line, err := s.in.ReadString('\n')
	counts := map[string]int64{}
	if err != nil {
		return counts
	}
	for _, field := range strings.Fields(strings.TrimPrefix(line, "250 ")) {
		name, n, _ := strings.Cut(field, "=")
		counts[name], _ = strconv.ParseInt(n, 10, 64)
	}
	return counts
}

func (s *ownSink) stop() {
	_ = s.ask.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// accepted counts mails by client.
var accepted sync.Map // of *atomic.Int64

// runSink serves until its standard input ends.
func runSink() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go serveSink(conn)
	}
}

// serveSink speaks as much SMTP as a client needs, with as little CPU as possible.
func serveSink(conn net.Conn) {
	defer conn.Close()
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	reply := func(s string) {
		_, _ = out.WriteString(s)
		if in.Buffered() == 0 {
			_ = out.Flush()
		}
	}
	var client *atomic.Int64
	reply("220 sink ESMTP\r\n")
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		verb, rest, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
		switch strings.ToUpper(string(verb)) {
		case "EHLO":
			kept, _ := accepted.LoadOrStore(string(rest), new(atomic.Int64))
			client = kept.(*atomic.Int64)
			reply("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
		case "DATA":
			reply("354 go\r\n")
			for {
				line, err := in.ReadSlice('\n')
				if err != nil && err != bufio.ErrBufferFull {
					return
				}
				if len(line) == 3 && line[0] == '.' {
					break
				}
			}
			reply(fmt.Sprintf("250 2.0.0 Ok: queued as %X\r\n", client.Add(1)))
		case "XCOUNT":
			line := "250"
			accepted.Range(func(name, n any) bool {
				line += fmt.Sprintf(" %s=%d", name, n.(*atomic.Int64).Load())
				return true
			})
			reply(line + "\r\n")
		case "QUIT":
			reply("221 bye\r\n")
			return
		default:
			reply("250 2.0.0 ok\r\n")
		}
	}
}
