package daemon

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// boundedListener lets a bounded number of connections live at a time. When a
// new one comes and there is no room, the oldest that has not shown a key yet
// makes place: a flood of strangers keeps out none who has a key.
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
	b.place = l.strangers.PushBack(b)
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
	place *list.Element // among the strangers; nil once it has shown a key
	over  bool
}

// Close gives the place back.
func (c *boundedConn) Close() error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.leave()
}

// leave closes the connection. It needs the listener's lock, as known does.
func (c *boundedConn) leave() error {
	if !c.over {
		c.over = true
		c.in.live--
		c.in.room.Signal()
	}
	c.known()
	return c.Conn.Close()
}

// known takes the connection from the strangers.
func (c *boundedConn) known() {
	if c.place != nil {
		c.in.strangers.Remove(c.place)
		c.place = nil
	}
}

// keepConn notes that the connection of r has shown a key.
func keepConn(r *http.Request) {
	c, ok := r.Context().Value(connKey{}).(*boundedConn)
	if !ok {
		return
	}
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.known()
}
