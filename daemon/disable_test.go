package daemon_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/webhook"
)

func TestAFailingWebhookIsDisabledHeldAndReleased(t *testing.T) {
	var log journal
	f := start(t, func(o *daemon.Options) {
		o.Logger = log.logger()
		o.DisableAfter = time.Nanosecond
		o.Schedule = dispatch.Schedule{time.Millisecond, time.Millisecond, time.Millisecond}
	})
	var mood atomic.Int32
	mood.Store(500)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(int(mood.Load())) })
	hook := r.register(f, nil)
	if _, err := f.client.TestWebhook(t.Context(), hook.ID); err != nil {
		t.Fatal(err)
	}
	tested := r.next().event.ID
	began := time.Now()
	jobs := map[string]bool{}
	for range 5 { // of four attempts each
		jobs[f.submit("x")] = true
	}
	until(t, "the disabling", func() bool {
		w, err := f.client.Webhook(t.Context(), hook.ID)
		return err == nil && !w.Active && w.DisabledReason == api.DisabledFailing && w.ConsecutiveFailures >= 10
	})
	jobs[f.finished("while it is disabled")] = true
	for id := range jobs {
		f.wait(id)
	}
	until(t, "the end of what was under way", func() bool {
		n, err := f.Store().WebhookCounts(t.Context(), hook.ID)
		return err == nil && n[api.DeliveryInFlight] == 0 && n[api.DeliveryHeld] > 0 && n[api.DeliveryPending] == 0
	})
	if text := log.String(); !strings.Contains(text, "webhook disabled") || !strings.Contains(text, "voxparse webhooks enable "+hook.ID) {
		t.Errorf("got the log %s, want the disabling and its fix in it", text)
	}
	st, err := f.client.Status(t.Context())
	if err != nil || len(st.Problems) != 1 || !strings.Contains(st.Problems[0].Fix, hook.ID) {
		t.Errorf("got problems %v, %v, want the disabled webhook with its fix", st.Problems, err)
	}

	mood.Store(200)
	f.releases(r, hook.ID, tested, began, jobs)
}

// releases enables a webhook with a replay, after which every job's event has
// to come.
func (f *fixture) releases(r *receiver, hookID, tested string, since time.Time, jobs map[string]bool) {
	f.t.Helper()
	for range len(r.got) {
		r.next() // what came while it failed
	}
	w, err := f.client.EnableWebhook(f.t.Context(), hookID, api.ReplayRequest{Since: since})
	if err != nil || !w.Active || w.ConsecutiveFailures != 0 || w.DisabledReason != "" {
		f.t.Errorf("got %+v, %v, want it active and its failures forgotten", w, err)
	}
	for len(jobs) > 0 { // what was held, and by replay what had failed
		got := r.next()
		if got.event.ID == tested {
			f.t.Error("got the test again, want that tests are not replayed")
		}
		delete(jobs, got.jobID())
	}
}

func TestAfterA410WhatWaitsIsHeldAndNotSent(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(http.StatusGone) })
	hook := r.register(f, func(p *api.WebhookPatch) { p.Active = ptr(false) })
	const events = 40
	for range events {
		f.finished("x")
	}
	if _, err := f.client.EnableWebhook(t.Context(), hook.ID, api.ReplayRequest{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of what was under way", func() bool {
		n, err := f.Store().WebhookCounts(t.Context(), hook.ID)
		return err == nil && n[api.DeliveryFailed] > 0 && n[api.DeliveryHeld]+n[api.DeliveryFailed] == events
	})
	if n := len(r.got); n > events/2 {
		t.Errorf("got %d of %d requests after the first was answered with 410, want no more than were under way", n, events)
	}
}

func TestAFaultOfThisMachineIsNotCharged(t *testing.T) {
	var asked atomic.Int32
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		asked.Add(1)
		return nil, syscall.EMFILE
	}}
	if _, err := resolver.LookupHost(t.Context(), "hook.test"); err == nil {
		t.Fatal("got addresses, want a lookup that lacks file descriptors")
	}
	each := asked.Swap(0)
	f := start(t, func(o *daemon.Options) { o.Sender = sender.New(sender.Options{Resolver: resolver}) })
	hook, err := f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: ptr("https://hook.test/")})
	if err != nil {
		t.Fatal(err)
	}
	f.finished("x")
	until(t, "the third attempt", func() bool { return asked.Load() > 2*each })
	d := f.settledDelivery(hook.ID, func(api.Delivery) bool { return true })
	if d.Status == api.DeliveryFailed || d.AttemptCount > 0 || len(d.Attempts) > 0 {
		t.Errorf("got %s with %d attempts, want that attempts without file descriptors are not charged", d.Status, d.AttemptCount)
	}
}

func TestAStopInTheMiddleOfADeliveryIsNotCharged(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, func(o *daemon.Options) { o.Config.Grace = time.Millisecond })
	r := newReceiver(t, func(_ http.ResponseWriter, req *http.Request, _ received) { <-req.Context().Done() })
	hook := r.register(f, nil)
	f.finished("x")
	first := r.next()
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	g := startIn(t, dir, nil)
	again := r.next()
	if again.event.ID != first.event.ID || again.header.Get(webhook.HeaderAttempt) != "1" {
		t.Errorf("got event %s, attempt %s after the stop, want %s and attempt 1", again.event.ID, again.header.Get(webhook.HeaderAttempt), first.event.ID)
	}
	if d := g.settledDelivery(hook.ID, inState(api.DeliveryDelivered)); len(d.Attempts) != 1 {
		t.Errorf("got %d attempts in the log, want the one that ended", len(d.Attempts))
	}
}
