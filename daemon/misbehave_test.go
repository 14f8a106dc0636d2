package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
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
	if err := f.client.DeleteWebhook(t.Context(), hook.ID); err != nil {
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

func TestFailuresAreToldApart(t *testing.T) {
	f := start(t, nil)
	closed := silent(t, func(c net.Conn) { c.Close() })
	stalls := silent(t, func(net.Conn) {})
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
		{"stall", stalls, api.AttemptTimeout},
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
	if d.State != api.DeliveryDelivered || len(got.ResponseBody) > 16<<10 || !got.Truncated || strings.Contains(fmt.Sprint(got.ResponseHeaders), "secret") {
		t.Errorf("got %s with %d bytes kept, truncated %v, headers %v", d.State, len(got.ResponseBody), got.Truncated, got.ResponseHeaders)
	}
}

func TestRetryAfterPostponesTheNextAttempt(t *testing.T) {
	f := start(t, func(o *Options) { o.Schedule = webhook.Schedule{time.Minute, time.Minute, time.Minute} })
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) {
		w.Header().Set("Retry-After", "100")
		w.WriteHeader(429)
	})
	hook := r.register(f, nil)
	f.finished("x")
	began := r.next().at
	d := f.settledDelivery(hook.ID, func(d api.Delivery) bool { return d.AttemptCount == 1 })
	if wait := d.NextDueAt.Sub(began); d.State != api.DeliveryPending || wait < 100*time.Second || wait > 121*time.Second {
		t.Errorf("got %s due in %s, want it pending for the 100 s that were asked for", d.State, wait)
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
	f := start(t, func(o *Options) { o.Schedule = webhook.Schedule{time.Hour, time.Hour, time.Hour} })
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
		c, err := f.db.WebhookCounts(t.Context(), hook.ID)
		return err == nil && c[api.DeliveryInFlight] == len(r.got)+1
	})
	if extra := len(r.got); extra > inFlightEach {
		t.Errorf("got %d more requests in flight, want one, or those under way when the fifth failed", extra+1)
	}
	close(hold)
}
