package daemon_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/webhook"
)

// startTCP starts a daemon that listens on a loopback port and returns a key.
func startTCP(t *testing.T, change func(*daemon.Options)) (*fixture, string) {
	t.Helper()
	f := start(t, func(o *daemon.Options) {
		o.Config.Listen = "127.0.0.1:0"
		o.Config.Hosts = []string{"calls.example"}
		if change != nil {
			change(o)
		}
	})
	keys, err := vault.OpenKeys(f.config.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := keys.Add("test")
	if err != nil {
		t.Fatal(err)
	}
	return f, key
}

func (f *fixture) askTCP(method, path, body string, header ...string) (int, string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, "http://"+f.Addr()+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	return do(f.t, http.DefaultClient, req)
}

func TestNoPageOfAnotherOriginIsLetIn(t *testing.T) {
	f, key := startTCP(t, nil)
	for method, want := range map[string]int{"GET": 200, "OPTIONS": 405} {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+f.Addr()+"/v1/jobs", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"X-Api-Key": {key}, "Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"x-api-key"}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: got the header %s, want none that lets browsers read the answer", method, name)
			}
		}
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", method, resp.StatusCode, want)
		}
	}
}

func TestListeningBeyondLoopbackNeedsAKey(t *testing.T) {
	cfg := testConfig(t, shortDir(t))
	cfg.Listen, cfg.InsecureHTTP = "0.0.0.0:0", true
	_, err := daemon.New(t.Context(), daemon.Options{Config: cfg, Transcriber: newFake()})
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "keys add") {
		t.Fatalf("got %v, want a refusal that tells how to make a key", err)
	}
	keys, err := vault.OpenKeys(cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := keys.Add("phones"); err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(t.Context(), daemon.Options{Config: cfg, Transcriber: newFake()})
	if err != nil {
		t.Fatalf("got %v with a key, want a daemon", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestStrangersCannotUseUpTheDaemon(t *testing.T) {
	f, key := startTCP(t, nil)
	var conns []net.Conn
	for range listener.MaxTCPConns + 10 {
		c, err := net.DialTimeout("tcp", f.Addr(), time.Second)
		if err != nil {
			break
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nX-A: ")
		conns = append(conns, c)
	}
	if len(conns) < listener.MaxTCPConns {
		t.Fatalf("got %d connections, want %d", len(conns), listener.MaxTCPConns)
	}
	if _, err := f.client.Health(t.Context()); err != nil {
		t.Errorf("got %v on the socket, want health", err)
	}
	last := conns[len(conns)-1] // the first had to make place
	if err := last.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(last); err != nil {
		t.Errorf("got %v from a connection without a whole header, want that the daemon closes it", err)
	}
	tcp := client.NewTCP("http://"+f.Addr(), key)
	defer tcp.Close()
	if _, err := tcp.Jobs(t.Context(), client.JobQuery{}); err != nil {
		t.Errorf("got %v over TCP once they were closed, want jobs", err)
	}
}

func TestIdleStrangersMakePlaceForWhoHasAKey(t *testing.T) {
	f, key := startTCP(t, nil)
	tcp := client.NewTCP("http://"+f.Addr(), key)
	defer tcp.Close()
	if _, err := tcp.Jobs(t.Context(), client.JobQuery{}); err != nil {
		t.Fatal(err)
	}
	for range listener.MaxTCPConns + 10 { // each is answered, and then kept open for two minutes
		c, err := net.DialTimeout("tcp", f.Addr(), 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := io.ReadFull(c, make([]byte, 12)); err != nil {
			t.Fatalf("got %v for /health, want an answer", err)
		}
	}
	late := client.NewTCP("http://"+f.Addr(), key)
	defer late.Close()
	for name, c := range map[string]*client.Client{"a new client": late, "one that was there": tcp} {
		if _, err := c.Jobs(t.Context(), client.JobQuery{}); err != nil {
			t.Errorf("%s: got %v among idle strangers, want jobs", name, err)
		}
	}
}

func TestABodyWithoutAKeyIsNotWaitedFor(t *testing.T) {
	f, _ := startTCP(t, nil)
	for name, head := range map[string]string{
		"a slow body":     "Content-Length: 1000000\r\n\r\nx",
		"an endless body": "Transfer-Encoding: chunked\r\n\r\nffffff\r\nx",
	} {
		c, err := net.Dial("tcp", f.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /v1/transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n%s", head)
		answer, err := io.ReadAll(c) // until the daemon closes the connection
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
			t.Errorf("%s: got %q, %v, want 401 and the end of the connection", name, answer, err)
		}
	}
}

func TestLargeHeadersAndBodiesAreRefused(t *testing.T) {
	f, key := startTCP(t, nil)
	c, err := net.Dial("tcp", f.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	// What we sent in vain may make the answer a reset.
	if answer, _ := io.ReadAll(c); len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
		t.Errorf("got %s for a large header, want 431", answer)
	}
	if status, body := f.askTCP("POST", "/v1/webhooks", `{"url":"`+strings.Repeat("x", 100<<10)+`"}`, "X-API-Key", key); status != 413 {
		t.Errorf("got %d %s for a large body, want 413", status, body)
	}
}

// Behind a proxy a receiver is told an address that it can reach, and requests
// that bear its name are answered.
func TestURLsBeginAsThePublicOne(t *testing.T) {
	f, _ := startTCP(t, func(o *daemon.Options) { o.Config.PublicURL = "https://voice.example.com/vox/" })
	r := newReceiver(t, nil)
	r.register(f, nil)
	id := f.submit(strings.Repeat("word ", 40_000))
	got, ok := r.next().event.Data.(*webhook.Completed)
	if want := "https://voice.example.com/vox/v1/jobs/" + id + "/result"; !ok || !got.Result.Truncated || got.Result.ResultURL != want {
		t.Errorf("got %+v, want a cut result and the rest of it at %s", got, want)
	}
	for host, want := range map[string]int{"voice.example.com": 200, "other.example.com": 400} {
		if status, answer := f.askTCP(http.MethodGet, "/livez", "", "Host", host); status != want {
			t.Errorf("%s: got %d %s, want %d", host, status, answer, want)
		}
	}
}
