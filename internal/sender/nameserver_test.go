package sender

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// nameserver is a real name server on loopback whose answers a test changes.
type nameserver struct {
	conn net.PacketConn

	mu    sync.Mutex
	names map[string][]netip.Addr // nil value: no answer at all
	fails map[string]bool         // SERVFAIL
}

func newNameserver(t *testing.T) *nameserver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameserver{conn: conn, names: make(map[string][]netip.Addr), fails: make(map[string]bool)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return s
}

// resolver asks s and nobody else.
func (s *nameserver) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// set makes addrs the answer for name from now on.
func (s *nameserver) set(name string, addrs ...string) {
	list := []netip.Addr{}
	for _, a := range addrs {
		list = append(list, netip.MustParseAddr(a))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = list
}

// silence lets every question about name go unanswered.
func (s *nameserver) silence(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = nil
}

// fail lets every question about name be answered with a failure of the server.
func (s *nameserver) fail(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[name] = true
}

func (s *nameserver) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := s.answer(buf[:n]); answer != nil {
			if _, err := s.conn.WriteTo(answer, from); err != nil {
				return
			}
		}
	}
}

// answer builds the reply to a query with one question: header, the question
// again, and one record for each address of the asked type.
func (s *nameserver) answer(query []byte) []byte {
	if len(query) < 17 {
		return nil
	}
	var labels []string
	end := 12
	for query[end] != 0 {
		size := int(query[end])
		labels = append(labels, string(query[end+1:end+1+size]))
		end += 1 + size
	}
	question := query[12 : end+5]
	kind := binary.BigEndian.Uint16(query[end+1:])
	s.mu.Lock()
	name := strings.ToLower(strings.Join(labels, "."))
	addrs, known := s.names[name]
	fails := s.fails[name]
	s.mu.Unlock()
	if known && addrs == nil {
		return nil
	}
	var records []byte
	count := 0
	for _, a := range addrs {
		if (kind == 1 && !a.Is4()) || (kind == 28 && !a.Is6()) || (kind != 1 && kind != 28) {
			continue
		}
		data := a.AsSlice()
		records = append(records, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(data)))
		records = append(records, data...)
		count++
	}
	flags := uint16(0x8180)
	switch {
	case fails:
		flags |= 2
	case !known:
		flags |= 3 // no such name
	}
	out := binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(query))
	for _, v := range []uint16{flags, 1, uint16(count), 0, 0} {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return append(append(out, question...), records...)
}
