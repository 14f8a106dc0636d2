package peer_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/internal/peer"
	"github.com/voxparse/voxparse/internal/peer/peertest"
)

func TestUID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	connect := func() error {
		c, err := net.Dial("unix", path)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	accepted := func() int {
		t.Helper()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		uid, err := peer.UID(c.(*net.UnixConn))
		if err != nil {
			t.Fatal(err)
		}
		return uid
	}
	if err := connect(); err != nil {
		t.Fatal(err)
	}
	if got := accepted(); got != os.Geteuid() {
		t.Errorf("got uid %d, want our own, %d", got, os.Geteuid())
	}
	peertest.NeedRoot(t)
	for _, p := range []string{filepath.Dir(filepath.Dir(path)), filepath.Dir(path), path} {
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := peertest.AsNobody(connect); err != nil {
		t.Fatal(err)
	}
	if got := accepted(); got != peertest.Nobody {
		t.Errorf("got uid %d, want %d", got, peertest.Nobody)
	}
}

func TestUID_ofAConnectionThatIsClosedIsAnError(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*net.UnixConn{"closed": c.(*net.UnixConn), "none": {}} {
		if uid, err := peer.UID(c); err == nil {
			t.Errorf("%s: got uid %d, want an error", name, uid)
		}
	}
}
