package listener_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/internal/peer/peertest"
)

// The folder and the socket's own mode keep others out. Where both fail, who
// connects is still asked for.
func TestUnix_refusesAnotherUser(t *testing.T) {
	peertest.NeedRoot(t)
	path := filepath.Join(shortDir(t), "voxparse-run", "s")
	l, err := listener.Unix(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	connect := func() error {
		c, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := fmt.Fprint(c, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := connect(); err != nil {
		t.Fatalf("got %v for our own user, want an answer", err)
	}
	if err := peertest.AsNobody(connect); err == nil {
		t.Error("got an answer for another user, want that the folder cannot be entered")
	}
	for _, p := range []string{filepath.Dir(filepath.Dir(path)), filepath.Dir(path), path} {
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	reached := func() error {
		c, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		return c.Close()
	}
	if err := peertest.AsNobody(reached); err != nil {
		t.Fatalf("got %v, want that the socket can be reached now", err)
	}
	if err := peertest.AsNobody(connect); err == nil {
		t.Error("got an answer for another user, want the connection closed")
	}
	if err := connect(); err != nil {
		t.Errorf("got %v for our own user afterwards, want an answer", err)
	}
}
