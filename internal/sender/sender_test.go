package sender

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/webhook"
)

const secretA, secretB = "whsec_" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "whsec_" + "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

// signed returns a body and its headers, signed by secretA and perhaps an old
// secret.
func signed(t testing.TB, previous string) ([]byte, http.Header) {
	t.Helper()
	body, h := []byte(`{"api_version":"2026-05-01","event":"webhook.test","event_id":"evt_1"}`), http.Header{}
	if err := webhook.Sign(h, body, webhook.Signing{Secret: secretA, Previous: previous, Now: time.Now(), EventID: "evt_1", EventType: api.EventTest, AttemptID: "dlv_1", Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	return body, h
}

func newSender(t *testing.T, o Options) *Sender {
	t.Helper()
	s := New(o)
	t.Cleanup(s.Close)
	return s
}

func headerOf(logged map[string]string, name string) string {
	for n, v := range logged {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

func TestSendPostsTheBodyWithItsHeaders(t *testing.T) {
	var got http.Request
	var gotBody []byte
	receiver := newHook(t, func(w http.ResponseWriter, r *http.Request) {
		got = *r
		gotBody, _ = io.ReadAll(r.Body)
		w.Header().Add("Set-Cookie", "session=secret")
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "thanks \xff")
	})
	s := newSender(t, Options{Version: "1.2.3"})
	body, h := signed(t, "")
	before := len(h)
	a := s.Send(t.Context(), Target{URL: receiver.URL + "/hook?x=1", AllowPrivate: true}, h, body)
	if !Delivered(a) || a.Status != http.StatusAccepted || a.Error != "" || a.ErrorKind != "" || a.ResponseBody != "thanks \ufffd" || a.Truncated {
		t.Errorf("got %+v, want a success with its response", a)
	}
	if a.StartedAt.IsZero() || a.StartedAt.Location() != time.UTC || a.DurationMS <= 0 {
		t.Errorf("got started %v, %v ms, want both in UTC and above 0", a.StartedAt, a.DurationMS)
	}
	for name, values := range got.Header {
		if sent := headerOf(a.RequestHeaders, name); sent != strings.Join(values, ", ") && name != "Content-Length" {
			t.Errorf("the receiver got %s: %q, the log has %q", name, values, sent)
		}
	}
	if a.ResponseHeaders["Set-Cookie"] != "[redacted]" || a.ResponseHeaders["X-Two"] != "1, 2" {
		t.Errorf("got response headers %v, want the cookie redacted and X-Two joined", a.ResponseHeaders)
	}
	if got.Method != http.MethodPost || got.RequestURI != "/hook?x=1" || string(gotBody) != string(body) || got.ContentLength != int64(len(body)) {
		t.Errorf("got %s %s with %d of %d bytes", got.Method, got.RequestURI, len(gotBody), len(body))
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "User-Agent": "voxparse/1.2.3", "Accept-Encoding": "", "Idempotency-Key": ""} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("header %s: got %q, want %q", name, value, want)
		}
	}
	if err := webhook.Verify(gotBody, got.Header, secretA, 0); err != nil {
		t.Errorf("Verify what arrived: got %v, want nil", err)
	}
	if len(h) != before {
		t.Errorf("got the caller's headers changed: %v", h)
	}
}

func TestEveryStatusButSuccessFailsAndRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newHook(t, nil)
	tests := []struct {
		status int
		kind   string
		why    string
	}{
		{200, "", ""}, {201, "", ""}, {204, "", ""}, {299, "", ""},
		{301, api.AttemptRedirect, "redirects (301)"},
		{302, api.AttemptRedirect, "redirects (302)"},
		{303, api.AttemptRedirect, "set the webhook to its final address"},
		{307, api.AttemptRedirect, elsewhere.URL},
		{308, api.AttemptRedirect, "redirects (308)"},
		{300, api.AttemptStatus, "300 Multiple Choices"},
		{304, api.AttemptStatus, "304 Not Modified"},
		{400, api.AttemptStatus, "answer 200 to 299"},
		{401, api.AttemptStatus, "unauthenticated"},
		{404, api.AttemptStatus, "check the path"},
		{410, api.AttemptStatus, "disabled"},
		{413, api.AttemptStatus, "96 KiB"},
		{426, api.AttemptStatus, "webhooks are sent in HTTP/1.1"},
		{429, api.AttemptStatus, "429 Too Many Requests and asks to wait 17s (Retry-After)"},
		{500, api.AttemptStatus, "receiver's log"},
		{503, api.AttemptStatus, "503 Service Unavailable and asks to wait 17s (Retry-After)"},
		{505, api.AttemptStatus, "webhooks are sent in HTTP/1.1"},
		{599, api.AttemptStatus, "599"},
	}
	var status atomic.Int64
	receiver := newHook(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", elsewhere.URL+"/?token=secret")
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(int(status.Load()))
	})
	s := newSender(t, Options{})
	for _, tt := range tests {
		status.Store(int64(tt.status))
		a := s.Send(t.Context(), Target{URL: receiver.URL, AllowPrivate: true}, nil, []byte("{}"))
		if a.Status != tt.status || a.ErrorKind != tt.kind || !strings.Contains(a.Error, tt.why) || Delivered(a) != (tt.kind == "") {
			t.Errorf("%d: got %d, %q %q, want %q with %q", tt.status, a.Status, a.ErrorKind, a.Error, tt.kind, tt.why)
		}
		if strings.Contains(a.Error, "secret") {
			t.Errorf("%d: got %q, want the address without its query", tt.status, a.Error)
		}
		if a.ResponseHeaders["Retry-After"] != "17" {
			t.Errorf("%d: got headers %v, want Retry-After kept", tt.status, a.ResponseHeaders)
		}
	}
	if got := elsewhere.hits.Load(); got != 0 {
		t.Errorf("got %d requests at the redirect's target, want none", got)
	}
}

func TestLargeResponsesAreCut(t *testing.T) {
	receiver := newHook(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 100 {
			w.Header().Set("X-Filler-"+strings.Repeat("a", i), strings.Repeat("b", 300))
		}
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(http.StatusServiceUnavailable)
		switch r.URL.Path {
		case "/fits":
			io.WriteString(w, strings.Repeat("a", maxKeptBody))
		case "/more":
			io.WriteString(w, strings.Repeat("a", maxKeptBody+1))
		case "/invalid":
			io.WriteString(w, strings.Repeat("a\xff", maxKeptBody/2))
		}
	})
	s := newSender(t, Options{})
	tests := []struct {
		path string
		size int
		cut  bool
	}{{"/fits", maxKeptBody, false}, {"/more", maxKeptBody, true}, {"/invalid", maxKeptBody, true}}
	for _, tt := range tests {
		a := s.Send(t.Context(), Target{URL: receiver.URL + tt.path, AllowPrivate: true}, nil, nil)
		if len(a.ResponseBody) != tt.size || a.Truncated != tt.cut {
			t.Errorf("%s: got %d bytes, truncated %t, want %d, %t", tt.path, len(a.ResponseBody), a.Truncated, tt.size, tt.cut)
		}
		size := 0
		for k, v := range a.ResponseHeaders {
			size += len(k) + len(v)
		}
		if size > maxKeptHeaders || a.ResponseHeaders["Retry-After"] != "9" {
			t.Errorf("%s: got %d bytes of headers, Retry-After %q, want at most %d with Retry-After among them", tt.path, size, a.ResponseHeaders["Retry-After"], maxKeptHeaders)
		}
	}
}

func TestAStoppedSenderChargesNothing(t *testing.T) {
	arrived := make(chan struct{})
	receiver := newHook(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-arrived
		stop()
	}()
	a := newSender(t, Options{}).Send(ctx, Target{URL: receiver.URL, AllowPrivate: true}, nil, nil)
	if a.ErrorKind != api.AttemptLocal || a.Status != 0 || !strings.Contains(a.Error, "does not count") {
		t.Errorf("got %+v, want a local fault", a)
	}
}

// counted counts the connections that a receiver accepts.
func counted(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var opened atomic.Int64
	receiver := httptest.NewUnstartedServer(handler)
	receiver.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	receiver.Start()
	t.Cleanup(receiver.Close)
	return receiver, &opened
}

func TestConnectionsAreKeptForTheNextAttempt(t *testing.T) {
	receiver, opened := counted(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	s := newSender(t, Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				if a := s.Send(t.Context(), Target{URL: receiver.URL, AllowPrivate: true}, nil, []byte("{}")); !Delivered(a) {
					t.Errorf("got %+v, want it delivered", a)
				}
			}
		})
	}
	wg.Wait()
	// A few are opened beyond 8 when one becomes free while another is dialed.
	if got := opened.Load(); got > 24 {
		t.Errorf("got %d connections for 200 attempts of 8 at a time, want about 8", got)
	}
}

func TestAConnectionWhoseBodyWasCutIsNotUsedAgain(t *testing.T) {
	receiver, opened := counted(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("a", 4*maxKeptBody))
	})
	s := newSender(t, Options{})
	for range 3 {
		if a := s.Send(t.Context(), Target{URL: receiver.URL, AllowPrivate: true}, nil, nil); !Delivered(a) || !a.Truncated {
			t.Errorf("got %+v, want it delivered and its body cut", a)
		}
	}
	if got := opened.Load(); got != 3 {
		t.Errorf("got %d connections for 3 attempts, want 3", got)
	}
}

// A receiver that restarts closes the connections we keep. The next event must
// not fail for that.
func TestAClosedKeptConnectionDoesNotCostAnAttempt(t *testing.T) {
	var served atomic.Int64
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			// One answer a connection, promising more, then the next
			// request is read and the connection dropped.
			wg.Go(func() {
				defer conn.Close()
				if readRequest(conn) == nil {
					served.Add(1)
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					readRequest(conn)
				}
			})
		}
	})
	s := newSender(t, Options{})
	for i := range 10 {
		if a := s.Send(t.Context(), Target{URL: "http://" + listener.Addr().String(), AllowPrivate: true}, nil, []byte(`{"a":1}`)); !Delivered(a) {
			t.Errorf("attempt %d: got %+v, want it delivered", i, a)
		}
	}
	if got := served.Load(); got != 10 {
		t.Errorf("got %d answers, want 10", got)
	}
	s.Close()
	listener.Close()
	wg.Wait()
}

func TestSendLeavesNothingBehind(t *testing.T) {
	receiver := newHook(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			for w.(http.Flusher) != nil && r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}
	})
	before := runtime.NumGoroutine()
	s := New(Options{})
	for range 5 {
		s.Send(t.Context(), Target{URL: receiver.URL + "/endless", AllowPrivate: true}, nil, nil)
		s.Send(t.Context(), Target{URL: receiver.URL, AllowPrivate: true}, nil, nil)
	}
	s.Close()
	receiver.CloseClientConnections()
	deadline := time.After(10 * time.Second)
	for runtime.NumGoroutine() > before+2 {
		select {
		case <-deadline:
			t.Fatalf("got %d goroutines after Close, want about %d", runtime.NumGoroutine(), before)
		default:
			runtime.Gosched()
		}
	}
}

func TestHeadersAreSpelledOnTheWireAsDocumented(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer conn.Close()
		b := make([]byte, 8<<10)
		n, err := conn.Read(b)
		if err == nil {
			_, err = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
		if err != nil {
			heard <- err.Error()
			return
		}
		heard <- string(b[:n])
	}()
	body, h := signed(t, secretB)
	a := newSender(t, Options{}).Send(t.Context(), Target{URL: "http://" + l.Addr().String(), AllowPrivate: true}, h, body)
	if !Delivered(a) {
		t.Fatalf("got %+v, want a success", a)
	}
	got := <-heard
	for _, name := range []string{"X-VoxParse-Signature", "X-VoxParse-Signature-Previous", "X-VoxParse-Timestamp", "X-VoxParse-Event-Type",
		"X-VoxParse-Event-Id", "X-VoxParse-Delivery-Id", "X-VoxParse-Attempt", "webhook-id", "webhook-timestamp", "webhook-signature"} {
		if strings.Count(got, "\r\n"+name+": ") != 1 {
			t.Errorf("got the request\n%s\nwant one header spelled %s", got, name)
		}
	}
}
