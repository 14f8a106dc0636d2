package sender

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"
)

// What a receiver says first, where that is not an answer in HTTP/1.1.
var (
	errHTTP2Only = errors.New("it speaks HTTP/2")
	errNotHTTP   = errors.New("malformed HTTP answer")
)

// conn is a connection to a receiver. It looks at the first bytes that come, so
// that another protocol is told by its name. Where the receiver ends the
// connection while a request is being written, it returns what the receiver said
// last, a TLS alert for example, and not that writing failed.
type conn struct {
	net.Conn
	asked bool // in its TLS handshake a client certificate was asked for

	first  []byte // what came, up to len(answerStart); the reader's
	looked bool   // the first bytes begin an answer; the reader's

	once   sync.Once
	ended  chan struct{} // closed when reading has failed
	reason error         // why, once ended is closed
}

// lastWords is how long a failed write waits for what the receiver said last. It
// has arrived by then; a reader that is not reading is not waited for.
const lastWords = time.Second

// answerStart is how each answer in HTTP/1 begins.
const answerStart = "HTTP/"

func newConn(c net.Conn, asked bool) *conn {
	return &conn{Conn: c, asked: asked, ended: make(chan struct{})}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.looked && n > 0 {
		if wrong := c.look(b[:n]); wrong != nil {
			n, err = 0, wrong
		}
	}
	if err != nil {
		c.once.Do(func() {
			c.reason = err
			close(c.ended)
		})
	}
	return n, err
}

// look says what is wrong with the first bytes of a connection, if anything is.
func (c *conn) look(b []byte) error {
	c.first = append(c.first, b[:min(len(b), len(answerStart)-len(c.first))]...)
	switch {
	case isHTTP2(c.first):
		return errHTTP2Only
	case bytes.HasPrefix([]byte(answerStart), c.first), len(c.first) < 4 && c.first[0] == 0:
		c.looked = len(c.first) == len(answerStart)
		return nil
	}
	return errNotHTTP
}

// isHTTP2 reports whether b begins with the header of a SETTINGS or GOAWAY frame
// of less than 64 KiB, one of which a server of HTTP/2 says first (RFC 9113,
// section 3.4).
func isHTTP2(b []byte) bool {
	return len(b) >= 4 && b[0] == 0 && (b[3] == 4 || b[3] == 7)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil {
		return n, nil
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-c.ended:
		if isLastWord(c.reason) {
			return n, c.reason
		}
	case <-timer.C:
	}
	return n, err
}

// isLastWord reports whether err is something that the receiver said, rather
// than that the connection is gone.
func isLastWord(err error) bool {
	_, alerted := remoteAlert(err)
	return alerted || isAny(err, errHTTP2Only, errNotHTTP)
}
