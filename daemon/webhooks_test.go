package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/webhook"
)

func ptr[T any](v T) *T { return &v }

// settledDelivery returns the only delivery of a webhook once ok holds for it.
func (f *fixture) settledDelivery(hookID string, ok func(api.Delivery) bool) api.Delivery {
	f.t.Helper()
	var got api.Delivery
	until(f.t, "the state of the delivery", func() bool {
		list, err := f.client.Deliveries(f.t.Context(), hookID, client.DeliveryQuery{})
		if err != nil {
			f.t.Fatal(err)
		}
		if len(list) == 0 {
			return false
		}
		if got, err = f.client.Delivery(f.t.Context(), list[0].ID); err != nil {
			f.t.Fatal(err)
		}
		return ok(got)
	})
	return got
}

func inState(s api.DeliveryStatus) func(api.Delivery) bool {
	return func(d api.Delivery) bool { return d.Status == s }
}

func TestTheSixthWebhookNamesTheSetting(t *testing.T) {
	f := start(t, nil)
	patch := api.WebhookPatch{URL: ptr("https://example.com/hook")}
	for i := range 5 {
		if _, err := f.client.CreateWebhook(t.Context(), patch); err != nil {
			t.Fatalf("webhook %d: %v", i+1, err)
		}
	}
	_, err := f.client.CreateWebhook(t.Context(), patch)
	if !errors.Is(err, api.Conflict) || !strings.Contains(err.Error(), `plan = "unlimited"`) {
		t.Errorf("got %v, want a conflict that names the plan", err)
	}
}

func TestRotationSignsWithBothSecrets(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	old := r.secret
	rotated, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if rotated.Secret == old || rotated.PreviousUntil.Before(time.Now().Add(23*time.Hour)) {
		t.Errorf("got secret %v and overlap until %v", rotated.Secret == old, rotated.PreviousUntil)
	}
	r.mu.Lock()
	r.secret = rotated.Secret
	r.mu.Unlock()
	f.finished("x")
	got := r.next()
	if err := webhook.Verify(got.body, got.header, old, time.Minute); err != nil {
		t.Errorf("the old secret does not verify during the overlap: %v", err)
	}
	now, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{OverlapSeconds: ptr(0), Force: true})
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.secret = now.Secret
	r.mu.Unlock()
	f.finished("y")
	got = r.next()
	if err := webhook.Verify(got.body, got.header, rotated.Secret, time.Minute); err == nil {
		t.Error("the old secret verifies after a rotation without overlap")
	}
}

func TestASecondRotationDoesNotEndTheFirstOverlap(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	if _, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{}); !errors.Is(err, api.Conflict) {
		t.Fatalf("got %v for a rotation during another, want a conflict", err)
	}
	forced, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{Force: true})
	if err != nil || forced.SecretInUse != api.SecretOld {
		t.Fatalf("got %+v, %v, want the old secret in use after a forced rotation", forced, err)
	}
	f.finished("x")
	got := r.next() // verified with the first secret
	if got.header.Get(webhook.HeaderSignatureNext) == "" || got.header.Get(webhook.HeaderSignaturePrevious) != "" {
		t.Errorf("got the headers %v, want the signature of the new secret as the next one", got.header)
	}
	done, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{Finish: true})
	if err != nil || done.Secret != "" || done.SecretInUse != "" || !done.PreviousUntil.IsZero() {
		t.Errorf("got %+v, %v, want one secret, not shown", done, err)
	}
	if _, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{Finish: true}); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v with nothing to finish, want a conflict", err)
	}
}

func TestATestEventAnswersWithItsOutcome(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(418) })
	hook := r.register(f, nil)
	d, err := f.client.TestWebhook(t.Context(), hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d.EventType != api.EventTest || !d.Manual || len(d.Attempts) != 1 || d.Attempts[0].Status != 418 {
		t.Errorf("got %+v, want one attempt answered with 418", d)
	}
	if _, err := f.client.UpdateWebhook(t.Context(), hook.ID, api.WebhookPatch{Active: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.TestWebhook(t.Context(), hook.ID); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v for a disabled webhook, want a conflict", err)
	}
}

func TestFourAttemptsThenPermanentFailureThenRedelivery(t *testing.T) {
	f := start(t, nil)
	var mood atomic.Int32
	mood.Store(500)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(int(mood.Load())) })
	hook := r.register(f, nil)
	f.finished("x")
	var seen []received
	ids := map[string]bool{}
	for range 4 {
		seen = append(seen, r.next())
	}
	for i, got := range seen {
		ids[got.header.Get(webhook.HeaderDeliveryID)] = true
		if n := got.header.Get(webhook.HeaderAttempt); n != string(rune('1'+i)) {
			t.Errorf("got attempt %s, want %d", n, i+1)
		}
		if got.event.ID != seen[0].event.ID || string(got.body) != string(seen[0].body) {
			t.Errorf("attempt %d bears another event or body", i+1)
		}
	}
	if len(ids) != 4 {
		t.Errorf("got %d delivery ids in four attempts, want 4", len(ids))
	}
	d := f.settledDelivery(hook.ID, inState(api.DeliveryFailed))
	if len(d.Attempts) != 4 || d.Attempts[3].Status != 500 || d.Attempts[3].ErrorKind != api.AttemptStatus {
		t.Errorf("got %+v, want four attempts answered with 500", d.Attempts)
	}
	byAttempt, err := f.client.Delivery(t.Context(), d.Attempts[2].ID)
	if err != nil || byAttempt.ID != d.ID {
		t.Errorf("got %s, %v for an attempt's id, want %s", byAttempt.ID, err, d.ID)
	}
	mood.Store(200)
	again, err := f.client.Redeliver(t.Context(), d.ID)
	if err != nil || again.RedeliveryOf != d.ID || again.ID == d.ID || !again.Manual {
		t.Fatalf("got %+v, %v, want a new manual delivery of it", again, err)
	}
	if got := r.next(); got.event.ID != seen[0].event.ID || ids[got.header.Get(webhook.HeaderDeliveryID)] {
		t.Errorf("got event %s with delivery %s, want the same event with a fresh id", got.event.ID, got.header.Get(webhook.HeaderDeliveryID))
	}
}

func TestGoneDisablesAndEnablingReleases(t *testing.T) {
	f := start(t, nil)
	var mood atomic.Int32
	mood.Store(410)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(int(mood.Load())) })
	hook := r.register(f, nil)
	f.finished("first")
	first := r.next()
	f.settledDelivery(hook.ID, inState(api.DeliveryFailed))
	until(t, "the disabling", func() bool {
		got, err := f.client.Webhook(t.Context(), hook.ID)
		return err == nil && !got.Active && got.DisabledReason == api.DisabledGone && !got.DisabledAt.IsZero()
	})
	f.finished("second")
	f.settledDelivery(hook.ID, inState(api.DeliveryHeld))
	status, err := f.client.Status(t.Context())
	if err != nil || len(status.Problems) != 1 || status.Problems[0].Code != "webhook_disabled" || status.Webhooks[0].Held != 1 {
		t.Errorf("got problems %v and webhooks %v, %v, want the disabled webhook with one held", status.Problems, status.Webhooks, err)
	}
	mood.Store(204)
	if _, err := f.client.EnableWebhook(t.Context(), hook.ID, api.ReplayRequest{Since: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	events := map[string]bool{r.next().event.ID: true, r.next().event.ID: true}
	if len(events) != 2 || !events[first.event.ID] {
		t.Errorf("got %v, want the held event and, by replay, %s", events, first.event.ID)
	}
}

func TestReplayChoosesByState(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	f.finished("x")
	r.next()
	f.settledDelivery(hook.ID, inState(api.DeliveryDelivered))
	hour := time.Now().Add(-time.Hour)
	if n, err := f.client.Replay(t.Context(), hook.ID, api.ReplayRequest{Since: hour}); err != nil || n.Deliveries != 0 {
		t.Errorf("got %v, %v for what failed, want 0", n, err)
	}
	if n, err := f.client.Replay(t.Context(), hook.ID, api.ReplayRequest{Since: hour, Statuses: []string{"delivered"}}); err != nil || n.Deliveries != 1 {
		t.Errorf("got %v, %v for what was delivered, want 1", n, err)
	}
	r.next()
	if _, err := f.client.Replay(t.Context(), hook.ID, api.ReplayRequest{}); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v without since, want invalid", err)
	}
}

func TestAReplayGoesOnWhenItsClientHasLeft(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	began := time.Now()
	want := map[string]bool{}
	for range 20 {
		want[f.finished("x")] = true
		r.next()
	}
	until(t, "the record of all", func() bool {
		n, err := f.Store().WebhookCounts(t.Context(), hook.ID)
		return err == nil && n[api.DeliveryDelivered] == len(want)
	})
	gone, leave := context.WithCancel(t.Context())
	leave()
	p, err := dispatch.NewReplay(hook.ID, api.ReplayRequest{Since: began, Statuses: []string{"delivered"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Replays().Start(gone, p); err != nil {
		t.Errorf("got %v, want a replay all the same", err)
	}
	for len(want) > 0 {
		delete(want, r.next().jobID())
	}
}

func TestOnlyTheNamedWebhooksReceiveAJob(t *testing.T) {
	f := start(t, nil)
	mine, other := newReceiver(t, nil), newReceiver(t, nil)
	hook := mine.register(f, nil)
	other.register(f, nil)
	failures := newReceiver(t, nil)
	failures.register(f, func(p *api.WebhookPatch) { p.Events = &[]string{api.EventFailed} })
	u := upload(audio("x"))
	u.WebhookIDs = []string{hook.ID}
	acc, err := f.client.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	f.wait(acc.JobID)
	f.finished("for all")
	mine.next()
	mine.next()
	other.next()
	if len(other.got) > 0 || len(failures.got) > 0 {
		t.Errorf("got %d and %d more requests, want none", len(other.got), len(failures.got))
	}
}

func TestAnOrderedWebhookGetsEventsInSequence(t *testing.T) {
	f := start(t, nil)
	var failed atomic.Bool
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) {
		if failed.CompareAndSwap(false, true) {
			w.WriteHeader(500)
		}
	})
	r.register(f, func(p *api.WebhookPatch) { p.Ordered = ptr(true) })
	var want []string
	for range 5 {
		want = append(want, f.finished("x"))
	}
	first := r.next()
	for i := range want {
		if got := r.next(); got.jobID() != want[i] {
			t.Errorf("got job %s in place %d, want %s", got.jobID(), i, want[i])
		}
	}
	if first.jobID() != want[0] {
		t.Errorf("got %s first, want %s", first.jobID(), want[0])
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f := start(t, nil)
	target := newReceiver(t, nil)
	for _, status := range []int{301, 302, 304, 307, 308} {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) {
			w.Header().Set("Location", target.URL)
			w.WriteHeader(status)
		})
		hook := r.register(f, nil)
		d, err := f.client.TestWebhook(t.Context(), hook.ID)
		if err != nil || len(d.Attempts) == 0 || d.Attempts[0].Status != status || d.Status == api.DeliveryDelivered {
			t.Errorf("%d: got %+v, %v, want a failed attempt", status, d, err)
		}
		if err := f.client.DeleteWebhook(t.Context(), hook.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	if len(target.got) > 0 {
		t.Errorf("got %d requests at the redirect's target, want none", len(target.got))
	}
}
