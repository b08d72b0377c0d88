package redistest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Refusal is an error that the server responded with, such as "NOAUTH …".
type Refusal string

func (r Refusal) Error() string { return "redis: " + string(r) }

// Do runs a command on a connection of its own and returns the response as text: the
// elements of an array in lines, "" for nil. It ends the test if the server refuses.
func (s *Server) Do(command ...string) string {
	s.tb.Helper()
	text, err := s.try(command...)
	if err != nil {
		s.tb.Fatalf("%v: %v", command, err)
	}
	return text
}

// DoAs is [Server.Do] for a user of the ACL file. It returns the refusal.
func (s *Server) DoAs(user, password string, command ...string) (string, error) {
	return s.run([]string{"AUTH", user, password}, command)
}

func (s *Server) try(command ...string) (string, error) { return s.run(command) }

// run runs commands on a connection, and returns the last response or the first error.
func (s *Server) run(commands ...[]string) (string, error) {
	var conn net.Conn
	var err error
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if s.tls != nil {
		conn, err = tls.DialWithDialer(dialer, "tcp", s.Addr(), s.tls)
	} else {
		conn, err = dialer.Dial("tcp", s.Addr())
	}
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return "", err
	}
	reader := bufio.NewReader(conn)
	text := ""
	for _, command := range commands {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(command))
		for _, arg := range command {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
		}
		if _, err := io.WriteString(conn, b.String()); err != nil {
			return "", err
		}
		if text, err = readReply(reader); err != nil {
			return "", err
		}
	}
	return text, nil
}

// readReply reads a response of RESP2.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", fmt.Errorf("an empty line")
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", Refusal(rest)
	case '$', '*':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "", err // nil
		}
		if kind == '$' {
			b := make([]byte, n+2)
			_, err := io.ReadFull(r, b)
			return string(b[:n]), err
		}
		lines := make([]string, n)
		var refused error
		for i := range lines {
			if lines[i], err = readReply(r); err != nil && refused == nil {
				refused = err
			}
		}
		return strings.Join(lines, "\n"), refused
	default:
		return "", fmt.Errorf("unknown response %q", line)
	}
}
