package daemon_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/webhook"
)

// firstAttempt adds a webhook for url and returns how its test event fared.
func firstAttempt(t *testing.T, f *fixture, url string) api.Attempt {
	t.Helper()
	hook, err := f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: &url, TimeoutSeconds: ptr(1)})
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.client.TestWebhook(t.Context(), hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Attempts) == 0 {
		t.Fatalf("got no attempt of %s", d.ID)
	}
	if err := f.client.DeleteWebhook(t.Context(), hook.ID, true); err != nil {
		t.Fatal(err)
	}
	return d.Attempts[0]
}

// silent accepts connections and does with them what act says.
func silent(t *testing.T, act func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			act(c)
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// says reads a request, answers with text, and says no more.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			if _, err := readAll(r); err == nil {
				fmt.Fprint(c, text)
			}
		}
	}
}

func TestFailuresAreToldApart(t *testing.T) {
	f := start(t, nil)
	closed := silent(t, func(c net.Conn) { c.Close() })
	stalls := silent(t, func(net.Conn) {})
	halfHeader := silent(t, says("HTTP/1.1 200 OK\r\nX-A"))
	garbage := silent(t, func(c net.Conn) { fmt.Fprint(c, "220 smtp.example ESMTP\r\n") })
	badTLS := httptest.NewTLSServer(http.NotFoundHandler())
	defer badTLS.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + gone.Addr().String() + "/"
	gone.Close()
	tests := []struct{ name, url, kind string }{
		{"closed connection", closed, api.AttemptProtocol},
		{"stall before the header", stalls, api.AttemptTimeout},
		{"stall inside the header", halfHeader, api.AttemptTimeout},
		{"stall inside the TLS handshake", strings.Replace(stalls, "http", "https", 1), api.AttemptTimeout},
		{"closed inside the TLS handshake", strings.Replace(closed, "http", "https", 1), api.AttemptTLS},
		{"another protocol", garbage, api.AttemptProtocol},
		{"unknown authority", badTLS.URL, api.AttemptTLS},
		{"refused", refused, api.AttemptConnect},
		{"no such name", "https://no-such-name.invalid/", api.AttemptDNS},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstAttempt(t, f, tt.url); got.ErrorKind != tt.kind || got.Error == "" || got.Status != 0 {
				t.Errorf("got kind %q, status %d, %q, want %q", got.ErrorKind, got.Status, got.Error, tt.kind)
			}
		})
	}
}

func TestEndlessAnswersAreCut(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request, _ received) {
		w.Header().Set("Set-Cookie", "session=secret")
		for req.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("x", 8<<10))); err != nil {
				return
			}
		}
	})
	hook := r.register(f, nil)
	d, err := f.client.TestWebhook(t.Context(), hook.ID)
	if err != nil || len(d.Attempts) != 1 {
		t.Fatalf("got %+v, %v, want one attempt", d, err)
	}
	got := d.Attempts[0]
	if d.Status != api.DeliveryDelivered || len(got.ResponseBody) > 16<<10 || !got.Truncated || strings.Contains(fmt.Sprint(got.ResponseHeaders), "secret") {
		t.Errorf("got %s with %d bytes kept, truncated %v, headers %v", d.Status, len(got.ResponseBody), got.Truncated, got.ResponseHeaders)
	}
}

func TestTheLogHasTheRequestAsItWasSent(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	if d, err := f.client.TestWebhook(t.Context(), hook.ID); err != nil || d.RequestBody != "" {
		t.Fatalf("got %+v, %v, want no body but where one delivery is asked for", d, err)
	}
	list, err := f.client.Deliveries(t.Context(), hook.ID, client.DeliveryQuery{})
	if err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v, want one delivery", list, err)
	}
	d, err := f.client.Delivery(t.Context(), list[0].ID)
	if err != nil || len(d.Attempts) != 1 {
		t.Fatalf("got %+v, %v, want one attempt", d, err)
	}
	h := http.Header{}
	for name, value := range d.Attempts[0].RequestHeaders {
		h.Set(name, value)
	}
	if err := webhook.Verify([]byte(d.RequestBody), h, hook.Secret, 0); err != nil {
		t.Errorf("what the log has does not verify: %v", err)
	}
	if got := h.Get(webhook.HeaderDeliveryID); got != d.Attempts[0].ID {
		t.Errorf("got delivery id %q in the log, want %q", got, d.Attempts[0].ID)
	}
}

func TestABodyThatStallsDoesNotUndoASuccess(t *testing.T) {
	f := start(t, nil)
	url := silent(t, says("HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc"))
	if got := firstAttempt(t, f, url); got.Status != 202 || got.Error != "" || got.ResponseBody != "abc" || !got.Truncated {
		t.Errorf("got %+v, want a success with what came of the body", got)
	}
}

func TestRetryAfterPostponesTheNextAttempt(t *testing.T) {
	const entry = time.Minute // of the schedule
	f := start(t, func(o *daemon.Options) { o.Schedule = dispatch.Schedule{entry, entry, entry} })
	inSeconds := func(s string) func(time.Time) string { return func(time.Time) string { return s } }
	date := func(after time.Duration) func(time.Time) string {
		return func(now time.Time) string { return now.Add(after).UTC().Format(http.TimeFormat) }
	}
	tests := []struct {
		name        string
		status      int
		value       func(now time.Time) string
		least, most time.Duration
	}{
		{"seconds", 429, inSeconds("100"), 100 * time.Second, 2 * entry},
		{"a date", 429, date(100 * time.Second), 99 * time.Second, 2 * entry}, // dates have no fractions
		{"on a 503", 503, inSeconds("100"), 100 * time.Second, 2 * entry},
		{"more than twice the schedule", 429, inSeconds("86400"), 2 * entry, 2 * entry},
		{"a date far away", 503, date(24 * time.Hour), 2 * entry, 2 * entry},
		{"sooner than the schedule", 429, inSeconds("1"), entry * 8 / 10, entry * 12 / 10},
		{"a date in the past", 429, date(-time.Hour), entry * 8 / 10, entry * 12 / 10},
		{"nonsense", 429, inSeconds("soon"), entry * 8 / 10, entry * 12 / 10},
		{"on a 500", 500, inSeconds("100"), entry * 8 / 10, entry * 12 / 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, got received) {
				w.Header().Set("Retry-After", tt.value(got.at))
				w.WriteHeader(tt.status)
			})
			hook := r.register(f, nil)
			f.finished("x")
			d := f.settledDelivery(hook.ID, func(d api.Delivery) bool { return d.AttemptCount == 1 })
			end := d.Attempts[0].StartedAt.Add(time.Duration(d.Attempts[0].DurationMS * float64(time.Millisecond)))
			const slack = 2 * time.Second // between the answer, its end here and its record
			if wait := d.NextDueAt.Sub(end); d.Status != api.DeliveryPending || wait < tt.least-slack || wait > tt.most+slack {
				t.Errorf("got %s due in %s, want it pending for %s to %s", d.Status, wait, tt.least, tt.most)
			}
			if err := f.client.DeleteWebhook(t.Context(), hook.ID, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestARateLimitSpacesDeliveries(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	r.register(f, func(p *api.WebhookPatch) { p.RateLimit = ptr(10.0) })
	for range 6 {
		f.submit("x")
	}
	first := r.next().at
	var last time.Time
	for range 5 {
		last = r.next().at
	}
	if took := last.Sub(first); took < 400*time.Millisecond {
		t.Errorf("got six deliveries within %s, want ten a second at most", took)
	}
}

func TestAReceiverThatFailsGetsOneAtATime(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Schedule = dispatch.Schedule{time.Hour, time.Hour, time.Hour} })
	var hold = make(chan struct{})
	n := 0
	r := newReceiver(t, nil)
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ received) {
		r.mu.Lock()
		n++
		late := n > 8
		r.mu.Unlock()
		if late {
			<-hold
		}
		w.WriteHeader(500)
	}
	hook := r.register(f, nil)
	for range 30 {
		f.submit("x")
	}
	for range 9 {
		r.next()
	}
	until(t, "the failures' record", func() bool {
		h, err := f.client.Webhook(t.Context(), hook.ID)
		return err == nil && h.ConsecutiveFailures >= 8
	})
	until(t, "the return of what was claimed", func() bool {
		c, err := f.Store().WebhookCounts(t.Context(), hook.ID)
		return err == nil && c[api.DeliveryInFlight] == len(r.got)+1
	})
	if extra := len(r.got); extra > inFlightEach {
		t.Errorf("got %d more requests in flight, want one, or those under way when the fifth failed", extra+1)
	}
	close(hold)
}
