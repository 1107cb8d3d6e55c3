package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
)

// sinkProcess is the SMTP server that accepts everything, in a process of its own.
type sinkProcess struct {
	port int
	cmd  *exec.Cmd
	ask  net.Conn
	in   *bufio.Reader
}

func startSink() (*sinkProcess, error) {
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
	stdin, err := cmd.StdinPipe() // its end tells the sink to end
	if err != nil {
		return nil, err
	}
	_ = stdin
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
	s := &sinkProcess{port: port, cmd: cmd, ask: ask, in: bufio.NewReader(ask)}
	_, err = s.in.ReadString('\n')
	return s, err
}

// count asks how many mails were accepted.
func (s *sinkProcess) count() int64 {
	fmt.Fprint(s.ask, "XCOUNT\r\n")
	line, err := s.in.ReadString('\n')
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "250 ")), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (s *sinkProcess) stop() {
	_ = s.ask.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

var accepted atomic.Int64

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
	reply("220 sink ESMTP\r\n")
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		verb, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
		switch strings.ToUpper(string(verb)) {
		case "EHLO":
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
			reply(fmt.Sprintf("250 2.0.0 Ok: queued as %X\r\n", accepted.Add(1)))
		case "XCOUNT":
			reply(fmt.Sprintf("250 %d\r\n", accepted.Load()))
		case "QUIT":
			reply("221 bye\r\n")
			return
		default:
			reply("250 2.0.0 ok\r\n")
		}
	}
}
