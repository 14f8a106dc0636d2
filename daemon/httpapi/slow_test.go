package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store/spool"
)

// pipes is a listener whose connections are in memory, so that their time can
// be that of a synctest bubble.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// drip writes text again and again, so often, until the other side is gone.
func drip(text string, every time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	const upload = "POST /v1/transcribe HTTP/1.1\r\nHost: localhost\r\nX-API-Key: KEY\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	const part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nID3\x00"
	const either = -1 // answer, or none
	tests := []struct {
		name   string
		begin  string
		then   func(net.Conn) // what the client goes on with
		status int            // of the answer; 0 for none
		after  time.Duration  // the connection ends
	}{
		{"nothing is sent", "", nil, 0, headerTimeout},
		{"the header stalls", "GET /health HTT", nil, either, headerTimeout},
		{"the header drips", "GET /health HTTP/1.1\r\nX-A: ", drip("a", 900*time.Millisecond), either, headerTimeout},
		{"nothing more is asked", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", nil, 503, idleTimeout},
		{"a JSON body stalls", "POST /v1/webhooks HTTP/1.1\r\nHost: localhost\r\nX-API-Key: KEY\r\nContent-Length: 100\r\n\r\n{", nil, 400, readPause},
		{"a JSON body drips", "POST /v1/webhooks HTTP/1.1\r\nHost: localhost\r\nX-API-Key: KEY\r\nContent-Length: 100\r\n\r\n{", drip(" ", 900*time.Millisecond), 400, readPause},
		{"an upload stalls", upload + "Content-Length: 100000\r\n\r\n" + part, nil, 400, readPause},
		{"an upload drips", upload + "Content-Length: 100000\r\n\r\n" + part, drip("x", 10*time.Second), 400, paceAfter + 10*time.Second},
		{"an upload has no end", upload + "Transfer-Encoding: chunked\r\n\r\n", drip(fmt.Sprintf("%x\r\n%s\r\n", len(part)+100_000, part+strings.Repeat("x", 100_000)), 0), 413, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status, took := slowClient(t, tt.begin, tt.then)
				const linger = restTimeout + time.Second // of net/http, after an answer
				if tt.status != either && status != tt.status || took < tt.after || took > tt.after+linger {
					t.Errorf("got status %d and the end after %s, want %d after %s", status, took, tt.status, tt.after)
				}
			})
		})
	}
}

// anyKey takes every API key.
type anyKey struct{}

func (anyKey) Match(string) (vault.Key, bool, error) { return vault.Key{}, true, nil }

// noRunner works on nothing.
type noRunner struct{ Runner }

func (noRunner) RemoveAudio(string) {}

// uncounted are metrics that count nothing.
type uncounted struct{ http.Handler }

func (uncounted) Route(string)                       {}
func (uncounted) Stream(string, int)                 {}
func (uncounted) Panicked()                          {}
func (uncounted) Request(string, int, time.Duration) {}
func (uncounted) JobAccepted(time.Duration)          {}

// slowClient connects to a server and returns the status of its answer and how
// long the connection lived.
func slowClient(t *testing.T, begin string, then func(net.Conn)) (status int, took time.Duration) {
	blobs, err := spool.Open(filepath.Join(t.TempDir(), "spool"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	in := pipes{make(chan net.Conn, 1)}
	in.conns <- theirs
	log := slog.New(slog.DiscardHandler)
	server := NewServer("test", log)
	server.Open(Config{
		Settings: Settings{MaxUpload: 1 << 20}, Logger: log, Audio: blobs, Runner: noRunner{}, Keys: anyKey{}, Metrics: uncounted{},
		Health: func() string { return api.HealthStarting }, Accepting: func() error { return nil },
	})
	go server.Serve(in) // ends with Close
	defer server.Close()
	defer close(in.conns)

	began := time.Now()
	var client sync.WaitGroup
	client.Go(func() {
		if _, err := io.WriteString(ours, begin); err == nil && then != nil {
			then(ours)
		}
	})
	r := bufio.NewReader(ours)
	if resp, err := http.ReadResponse(r, nil); err == nil {
		status = resp.StatusCode
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Errorf("read the answer: %v", err)
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("got %v, want the end of the connection", err)
	}
	took = time.Since(began)
	ours.Close()
	client.Wait()
	return status, took
}
