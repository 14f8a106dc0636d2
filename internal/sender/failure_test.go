package sender

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestOnlyFaultsOfThisMachineAreNotCharged(t *testing.T) {
	dial := func(ip string, err error) error {
		op := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 443}, Err: os.NewSyscallError("connect", err)}
		return &connectError{stage: api.AttemptConnect, addr: ip, err: op}
	}
	lookup := func(text string) error {
		return &connectError{stage: api.AttemptConnect, addr: "hook.test", err: &net.DNSError{Err: text, Name: "hook.test", Server: "127.0.0.1:53"}}
	}
	tests := []struct {
		name string
		err  error
		kind string
	}{
		{"no file descriptor", dial("192.0.2.1", syscall.EMFILE), api.AttemptLocal},
		{"no file descriptor in the system", dial("192.0.2.1", syscall.ENFILE), api.AttemptLocal},
		{"no port left", dial("192.0.2.1", syscall.EADDRNOTAVAIL), api.AttemptLocal},
		{"no IPv6", dial("::1", syscall.EADDRNOTAVAIL), api.AttemptConnect},
		{"no file descriptor for a lookup", lookup("dial udp 127.0.0.1:53: socket: too many open files"), api.AttemptLocal},
		{"a name server that is down", lookup("read udp 127.0.0.1:53: connection refused"), api.AttemptDNS},
		{"no route", dial("192.0.2.1", syscall.ENETUNREACH), api.AttemptConnect},
		{"refused", dial("192.0.2.1", syscall.ECONNREFUSED), api.AttemptConnect},
		{"wrapped", fmt.Errorf("post: %w", dial("192.0.2.1", syscall.EMFILE)), api.AttemptLocal},
		{"out of time", &connectError{stage: api.AttemptConnect, addr: "192.0.2.1", err: context.DeadlineExceeded}, api.AttemptTimeout},
	}
	for _, tt := range tests {
		if got := failure(tt.err, attempted{host: "hook.test"}); got.ErrorKind != tt.kind || got.Error == "" {
			t.Errorf("%s: got %s %q, want %s", tt.name, got.ErrorKind, got.Error, tt.kind)
		}
	}
}
