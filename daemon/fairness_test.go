package daemon_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/benchtest"
)

// slowAnswer is how long a slow receiver takes, and backlog how many events
// wait for it.
const (
	slowAnswer = 4500 * time.Millisecond
	backlog    = 400
)

// Requests under way, as documented.
const (
	inFlightTotal  = 256
	inFlightEach   = 8   // of one webhook
	inFlightShared = 192 // beyond these, only the first of each webhook
)

// slowReceiver adds a webhook that takes its time and has a backlog.
func slowReceiver(t testing.TB, f *fixture) *receiver {
	t.Helper()
	end := make(chan struct{})
	slow := newReceiver(t, func(_ http.ResponseWriter, r *http.Request, _ received) {
		timer := time.NewTimer(slowAnswer)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-end:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(end) })
	slow.register(f, nil)
	for i := range backlog {
		f.submit(fmt.Sprint("x", i))
	}
	until(t, "the backlog", func() bool {
		n, err := f.Store().CountDeliveries(t.Context())
		return err == nil && n[api.DeliveryPending]+n[api.DeliveryInFlight]+n[api.DeliveryDelivered] >= backlog
	})
	return slow
}

func TestASlowReceiverDoesNotDelayAnother(t *testing.T) {
	f := start(t, nil)
	slow := slowReceiver(t, f)
	quick := newReceiver(t, nil)
	hook := quick.register(f, nil)
	const events = 40
	for range events {
		u := upload(audio("y"))
		u.WebhookIDs = []string{hook.ID}
		if _, err := f.client.Submit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		quick.next()
	}
	// Were they to wait for the slow one, its backlog would have to be done
	// first: 400 in eights.
	if n := len(slow.got); n > backlog/2 {
		t.Errorf("got %d requests at the slow receiver before the quick one had its %d, want most of the backlog to wait", n, events)
	}
	if n := len(slow.got); n < inFlightEach {
		t.Errorf("got %d requests at the slow receiver, want %d in flight", n, inFlightEach)
	}
}

func TestNoMoreThanEightAreInFlightToAWebhook(t *testing.T) {
	f := start(t, nil)
	hold := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request, received) { <-hold })
	r.register(f, nil)
	other := newReceiver(t, nil)
	other.register(f, nil)
	for range 30 {
		f.submit("x")
	}
	for range 30 {
		other.next()
	}
	until(t, "the eighth request", func() bool { return len(r.got) >= inFlightEach })
	if n := len(r.got); n != inFlightEach {
		t.Errorf("got %d requests in flight, want %d", n, inFlightEach)
	}
	close(hold)
	for range 30 {
		r.next()
	}
}

func TestManySlowReceiversDoNotKeepAnotherOut(t *testing.T) {
	const hooks, each = 40, 16 // more than may be in flight, and more than may be claimed
	f := start(t, func(o *daemon.Options) { o.Config.Plan = "unlimited" })
	hold := make(chan struct{})
	var waiting atomic.Int32
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		waiting.Add(1)
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hold)
	for range hooks {
		if _, err := f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: ptr(slow.URL), TimeoutSeconds: ptr(60)}); err != nil {
			t.Fatal(err)
		}
	}
	for range each {
		f.submit("x")
	}
	until(t, "as many requests as may be shared", func() bool { return waiting.Load() >= inFlightShared })
	quick := newReceiver(t, nil)
	hook := quick.register(f, nil)
	for range 20 {
		u := upload(audio("y"))
		u.WebhookIDs = []string{hook.ID}
		if _, err := f.client.Submit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		quick.next()
	}
	if n := waiting.Load(); n > inFlightTotal {
		t.Errorf("got %d requests in flight, want %d at most", n, inFlightTotal)
	}
}

// BenchmarkFairness measures what a receiver gets at 20 events a second while
// 400 wait for one that takes 4.5 s.
func BenchmarkFairness(b *testing.B) {
	f := start(b, nil)
	slowReceiver(b, f)
	quick := newReceiver(b, nil)
	hook := quick.register(f, nil)
	var took []time.Duration
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for b.Loop() {
		for range benchtest.LeastForP99 {
			<-tick.C
			u := upload(audio("y"))
			u.WebhookIDs = []string{hook.ID}
			began := time.Now()
			if _, err := f.client.Submit(b.Context(), u); err != nil {
				b.Fatal(err)
			}
			took = append(took, quick.next().at.Sub(began))
		}
	}
	benchtest.Quantiles(b, took)
}
