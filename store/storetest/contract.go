package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

var contractTests = []struct {
	name string
	run  func(*testing.T, Backend)
}{
	{"whoever waits is told once", signals},
	{"the newest event is where a reader begins", lastEvent},
	{"deliveries are counted by webhook", webhookCounts},
	{"a change may run twice", changedTwice},
	{"the clock is the one that was given", givenClock},
	{"a blob is in use until its job is completed", blobInUse},
	{"a blob is given up with its job, until it is forgotten", blobGivenUp},
	{"a copy can be made of an open store", backedUp},
	{"two handles see one store", twoHandles},
}

// twice runs a change as a backend may that repeats a transaction: each time on
// a copy of what there is.
func twice[T any](change func(*T) error) func(*T) error {
	return func(v *T) error {
		before := *v
		if err := change(&before); err != nil {
			return err
		}
		return change(v)
	}
}

// signaled wants a signal to be there, and takes it.
func signaled(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute): // a backend may tell later, and time is the bubble's
		t.Errorf("%s: got no signal", what)
	}
}

func signals(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	makeHooks(t, s, store.Webhook{})
	for range 2 {
		submit(t, s, store.Job{})
	}
	signaled(t, "jobs ready", s.JobsReady())
	j := claim(t, s, "w", time.Hour)
	must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), doneEvent(j)))
	signaled(t, "events ready", s.EventsReady())
	signaled(t, "deliveries ready", s.DeliveriesReady())
	select {
	case <-s.Failed():
		t.Error("the store failed")
	default:
	}
}

func lastEvent(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	equal(t, "before the first", must[uint64](t)(s.LastEvent(t.Context())), 0)
	var last uint64
	for range 4 {
		complete(t, s, 1)
		seq := must[uint64](t)(s.LastEvent(t.Context()))
		evs := must[[]store.Event](t)(s.EventsSince(t.Context(), last, 9))
		if len(evs) != 1 || evs[0].Seq != seq || seq <= last {
			t.Fatalf("newest event: got number %d after %d, and events %v", seq, last, evs)
		}
		last = seq
	}
	equal(t, "events from before the newest", len(must[[]store.Event](t)(s.EventsSince(t.Context(), last-1, 9))), 1)
}

func webhookCounts(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	hooks := makeHooks(t, s, store.Webhook{}, store.Webhook{Description: "inactive"})
	complete(t, s, 3)
	record(t, s, claimDeliveries(t, s, 1, 1)[0], store.Outcome{Status: api.DeliveryDelivered})
	claimDeliveries(t, s, 1, 1)
	n := must[map[api.DeliveryStatus]int](t)(s.WebhookCounts(t.Context(), hooks[0].ID))
	equal(t, "active", fmt.Sprint(n[api.DeliveryDelivered], n[api.DeliveryInFlight], n[api.DeliveryPending], n[api.DeliveryHeld]), "1 1 1 0")
	n = must[map[api.DeliveryStatus]int](t)(s.WebhookCounts(t.Context(), hooks[1].ID))
	equal(t, "inactive", fmt.Sprint(n[api.DeliveryDelivered], n[api.DeliveryInFlight], n[api.DeliveryPending], n[api.DeliveryHeld]), "0 0 0 3")
	_, err := s.WebhookCounts(t.Context(), store.NewID(api.WebhookPrefix))
	wantError(t, "unknown webhook", err, api.NotFound)
}

func changedTwice(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	w := makeHooks(t, s, store.Webhook{Description: "d", Events: []string{"a"}})[0]
	ran := 0
	got := must[store.Webhook](t)(s.UpdateWebhook(t.Context(), w.ID, twice(func(w *store.Webhook) error {
		ran++
		w.Description += "!"
		w.Events = append(w.Events, "b")
		return nil
	})))
	if ran < 2 {
		t.Errorf("change: ran %d times, want at least 2", ran)
	}
	equal(t, "changed once", fmt.Sprint(got.Description, got.Events, got.Revision), fmt.Sprint("d!", []string{"a", "b"}, w.Revision+1))
}

func givenClock(t *testing.T, b Backend) {
	ahead := 48 * time.Hour
	s := b.open(t, store.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
	j := submit(t, s, store.Job{})
	equal(t, "created", j.CreatedAt, time.Now().UTC().Add(ahead))
	j = claim(t, s, "w", time.Minute)
	equal(t, "lease", j.LeaseUntil, time.Now().UTC().Add(ahead+time.Minute))
	claimNone(t, s)
	ahead += 2 * time.Minute
	equal(t, "attempts once the clock was set", claim(t, s, "w", time.Minute).Attempts, 2)
}

func blobInUse(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	used := func(name string) bool {
		t.Helper()
		return must[bool](t)(s.BlobInUse(t.Context(), name))
	}
	submit(t, s, store.Job{Blob: "one"})
	j := claim(t, s, "w", time.Hour)
	equal(t, "of an open job", used("one"), true)
	equal(t, "unknown", used("two"), false)
	must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), store.Event{}))
	equal(t, "of a completed job", used("one"), false)
}

func blobGivenUp(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	givenUp := func(what, want string) {
		t.Helper()
		names := must[[]string](t)(s.GivenUpBlobs(t.Context(), 9))
		slices.Sort(names)
		equal(t, what, fmt.Sprint(names), want)
	}
	submit(t, s, store.Job{Blob: "done"})
	j := claim(t, s, "w", time.Hour)
	must[store.Job](t)(s.Complete(t.Context(), j.Token(), []byte("{}"), store.Event{}))
	cancelled := submit(t, s, store.Job{Blob: "kept"})
	must[store.Job](t)(s.Cancel(t.Context(), cancelled.ID, 0))
	givenUp("of a completed job", "[done]")
	if err := s.DeleteJob(t.Context(), cancelled.ID, true); err != nil {
		t.Fatal(err)
	}
	givenUp("of a deleted job too", "[done kept]")
	for range 2 {
		if err := s.ForgetBlobs(t.Context(), []string{"done"}); err != nil {
			t.Fatal(err)
		}
	}
	givenUp("after one was forgotten", "[kept]")
	for _, c := range []struct{ blob, code string }{{"text", api.JobNotAudio}, {"later", api.JobTimeout}} {
		submit(t, s, store.Job{Blob: c.blob})
		j := claim(t, s, "w", time.Hour)
		must[store.Job](t)(s.Fail(t.Context(), j.Token(), store.JobError{Code: c.code}, time.Time{}, store.Event{}))
		_, err := s.Retry(t.Context(), j.ID)
		if c.code == api.JobNotAudio {
			wantError(t, "retry of what is no audio", err, api.Conflict)
		} else if err != nil {
			t.Errorf("retry of what may go well: %v", err)
		}
	}
	givenUp("of a job whose file is no audio", "[kept text]")
}

func backedUp(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	submit(t, s, store.Job{})
	var copied bytes.Buffer
	var size int64
	err := s.Backup(t.Context(), func(n int64) (io.Writer, error) { size = n; return &copied, nil })
	if err != nil || copied.Len() == 0 || int64(copied.Len()) != size {
		t.Errorf("backup: got %d bytes, error %v, want the %d that were announced", copied.Len(), err, size)
	}
	full := errors.New("no room")
	if err := s.Backup(t.Context(), func(int64) (io.Writer, error) { return nil, full }); !errors.Is(err, full) {
		t.Errorf("backup without room: got %v, want %v", err, full)
	}
}

func twoHandles(t *testing.T, b Backend) {
	if !b.TwoHandles {
		t.Skip("one process at a time has this store open")
	}
	dir := t.TempDir()
	one, two := b.openIn(t, dir, store.Options{}), b.openIn(t, dir, store.Options{})
	makeHooks(t, one, store.Webhook{})
	submit(t, one, store.Job{})
	j := claim(t, two, store.Owner("b", "run"), time.Minute)
	claimNone(t, one)
	if err := one.Recover(t.Context(), "a", "run"); err != nil {
		t.Fatal(err)
	}
	must[store.Job](t)(two.Complete(t.Context(), j.Token(), []byte("{}"), doneEvent(j)))
	c := claimDeliveries(t, one, 9, 8)
	equal(t, "claimed by the first", len(c), 1)
	equal(t, "claimed by the second", len(claimDeliveries(t, two, 9, 8)), 0)
	record(t, one, c[0], store.Outcome{Status: api.DeliveryDelivered})
	_, err := two.RecordAttempt(t.Context(), store.Token{ID: c[0].Delivery.ID, Revision: 99}, api.Attempt{}, store.Outcome{Status: api.DeliveryDelivered})
	wantError(t, "record without the lease", err, api.LeaseLost)
}
