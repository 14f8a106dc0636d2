package listener

import (
	"container/list"
	"crypto/tls"
	"net"
	"sync"
)

// boundedListener lets a bounded number of connections live at a time. When a
// new one comes and there is no room, the oldest that has not shown a key yet
// makes room: a flood of strangers keeps out nobody who has a key.
type boundedListener struct {
	net.Listener
	most int

	mu        sync.Mutex
	room      *sync.Cond // a connection ended, or the listener was closed
	live      int
	strangers list.List // of *boundedConn, the oldest first
	closed    bool
}

func newBoundedListener(l net.Listener, most int) *boundedListener {
	b := &boundedListener{Listener: l, most: most}
	b.room = sync.NewCond(&b.mu)
	return b
}

// Accept returns the next connection once there is room for it.
func (l *boundedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.live >= l.most && !l.closed {
		if oldest := l.strangers.Front(); oldest != nil {
			_ = oldest.Value.(*boundedConn).leave() // a stranger's
			continue
		}
		l.room.Wait()
	}
	if l.closed {
		_ = c.Close() // nothing was said on it
		return nil, net.ErrClosed
	}
	b := &boundedConn{Conn: c, in: l}
	b.entry = l.strangers.PushBack(b)
	l.live++
	return b, nil
}

// Close ends a waiting Accept too.
func (l *boundedListener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.room.Broadcast()
	l.mu.Unlock()
	return l.Listener.Close()
}

// boundedConn is a connection of a boundedListener.
type boundedConn struct {
	net.Conn
	in    *boundedListener
	entry *list.Element // among the strangers; nil once it has shown a key
	ended bool
}

// Close makes room for another connection.
func (c *boundedConn) Close() error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.leave()
}

// leave closes the connection. The caller holds the listener's lock, as for
// known.
func (c *boundedConn) leave() error {
	if !c.ended {
		c.ended = true
		c.in.live--
		c.in.room.Signal()
	}
	c.known()
	return c.Conn.Close()
}

// known takes the connection from the strangers.
func (c *boundedConn) known() {
	if c.entry != nil {
		c.in.strangers.Remove(c.entry)
		c.entry = nil
	}
}

// Authenticated notes that whoever is at the other end of c has shown a key: a
// connection of TCP's listener is no longer closed in favor of a newer one.
// Other connections stay as they are.
func Authenticated(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	b, ok := c.(*boundedConn)
	if !ok {
		return
	}
	b.in.mu.Lock()
	defer b.in.mu.Unlock()
	b.known()
}
