package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/webhook"
)

// oracle knows what the daemon has promised and what has arrived.
type oracle struct {
	t      *testing.T
	mu     sync.Mutex
	acked  map[string]string            // idempotency key → job that was acknowledged
	events map[string]map[string]string // job → event id → body, as the receiver got them
	posts  int
	secret string
}

// ServeHTTP is the receiver: it verifies, remembers, and refuses the first
// attempt of one event in five.
func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readAll(r)
	if err != nil {
		return // the daemon died in the middle
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.posts++
	if err := webhook.Verify(body, r.Header, o.secret, time.Minute); err != nil {
		o.t.Errorf("verify a webhook: %v", err)
		return
	}
	event, err := webhook.Parse(body)
	if err != nil {
		o.t.Errorf("parse a webhook: %v", err)
		return
	}
	h := fnv.New32()
	h.Write([]byte(event.ID))
	if h.Sum32()%5 == 0 && r.Header.Get(webhook.HeaderAttempt) == "1" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	job := received{event: event}.jobID()
	if o.events[job] == nil {
		o.events[job] = map[string]string{}
	}
	if old, ok := o.events[job][event.ID]; ok && old != string(body) {
		o.t.Errorf("event %s came with two bodies", event.ID)
	}
	o.events[job][event.ID] = string(body)
}

func (o *oracle) acknowledge(key, job string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.acked[key]; old != "" && old != job {
		o.t.Errorf("the key %s made %s and %s", key, old, job)
	}
	o.acked[key] = job
}

// submitter submits with keys of its own, each until it is acknowledged. One
// in ten acknowledged ones is submitted again.
type submitter struct {
	t           testing.TB
	socket      string
	name        int
	pace        time.Duration // between two submissions
	acknowledge func(key, job string)
}

// until submits until ctx ends.
func (s submitter) until(ctx context.Context) {
	c := client.New(s.socket)
	defer c.Close()
	for i := 0; ctx.Err() == nil; i++ {
		text := "words"
		if i%7 == 0 {
			text = "fail " + api.JobDamaged
		}
		u := upload(audio(text))
		u.IdempotencyKey = fmt.Sprintf("%d-%d", s.name, i)
		for sent := 0; ctx.Err() == nil; {
			acc, err := c.Submit(ctx, u)
			if err == nil {
				s.acknowledge(u.IdempotencyKey, acc.JobID)
				if sent++; sent > 1 || i%10 != 0 {
					break
				}
				continue
			}
			if !errors.Is(err, api.Unavailable) && !errors.Is(err, api.Unknown) && ctx.Err() == nil {
				s.t.Errorf("submit: %v", err)
				return
			}
			rest(ctx, 2*time.Millisecond)
		}
		rest(ctx, s.pace)
	}
}

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func TestNothingIsLostWhenTheDaemonIsKilled(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	dir := shortDir(t)
	cfg := testConfig(t, dir)
	o := &oracle{t: t, acked: map[string]string{}, events: map[string]map[string]string{}}
	server := httptest.NewServer(o)
	defer server.Close()
	first := startProcess(t, dir)
	hook, err := first.CreateWebhook(t.Context(), api.WebhookPatch{URL: &server.URL})
	if err != nil {
		t.Fatal(err)
	}
	o.secret = hook.Secret
	first.kill()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var submitters sync.WaitGroup
	for i := range 3 {
		s := submitter{t: t, socket: cfg.Socket, name: i, acknowledge: o.acknowledge}
		submitters.Go(func() { s.until(ctx) })
	}
	killed := killRepeatedly(t, dir, rounds)
	stop()
	submitters.Wait()

	last := startProcess(t, dir)
	until(t, "the end of all work", func() bool {
		s, err := last.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open := s.Jobs[api.Queued] + s.Jobs[api.Processing] + s.Deliveries[api.DeliveryPending] + s.Deliveries[api.DeliveryInFlight]
		return open == 0
	})
	if err := last.terminate(); err != nil {
		t.Errorf("got %v from the last daemon, want a graceful stop", err)
	}
	o.check(t, cfg.DataDir)
	t.Logf("%d rounds, %d of them killed while ready; %d jobs acknowledged, %d requests received", rounds, killed, len(o.acked), o.posts)
}

// killRepeatedly starts the daemon and kills it at a random moment, again and
// again. It returns how many were ready when they were killed.
func killRepeatedly(t *testing.T, dir string, rounds int) int {
	t.Helper()
	var ready atomic.Int32
	for round := range rounds {
		p := spawn(t, "daemon", dirEnv+"="+dir, delayEnv+"=5ms")
		c := client.New(testConfig(t, dir).Socket)
		moment := time.NewTimer(time.Duration(rand.IntN(120)) * time.Millisecond)
		if round%5 > 0 { // the others may die while they start
			until(t, "the start of the daemon", func() bool { _, err := c.Health(t.Context()); return err == nil })
			moment.Reset(time.Duration(1+rand.IntN(200)) * time.Millisecond)
			ready.Add(1)
		}
		<-moment.C
		if round%11 == 10 { // some die in the middle of a graceful stop
			if err := p.cmd.Process.Signal(stopSignal); err != nil {
				t.Fatal(err)
			}
			moment.Reset(time.Duration(rand.IntN(10)) * time.Millisecond)
			<-moment.C
		}
		p.kill()
		c.Close()
	}
	return int(ready.Load())
}

// check compares what was promised with what the store and the receiver have.
func (o *oracle) check(t *testing.T, dataDir string) {
	t.Helper()
	if err := boltstore.Check(filepath.Join(dataDir, boltstore.FileName)); err != nil {
		t.Errorf("the database after all that: %v", err)
	}
	db, err := boltstore.Open(t.Context(), dataDir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	made := map[string][]string{} // job → events in the store
	for _, e := range allEvents(t, db) {
		made[e.JobID] = append(made[e.JobID], e.ID)
	}
	for job, events := range made {
		if len(events) != 1 {
			t.Errorf("%s ended %d times: %v", job, len(events), events)
		}
		if got := o.events[job]; len(got) != 1 || got[events[0]] == "" {
			t.Errorf("%s: the receiver got %d events, want %s alone", job, len(got), events[0])
		}
	}
	for key, id := range o.acked {
		job, err := db.Job(t.Context(), id)
		if err != nil || !job.Status.Terminal() || len(made[id]) != 1 {
			t.Errorf("%s was acknowledged for %s: got %s with events %v, %v, want it ended with one", id, key, job.Status, made[id], err)
		}
		if job.Status == api.Failed && job.Error.Code != api.JobDamaged {
			t.Errorf("%s failed: %s %s, want that kills are never charged", id, job.Error.Code, job.Error.Message)
		}
	}
	if len(o.acked) == 0 {
		t.Error("nothing was acknowledged")
	}
}

// allEvents reads every event of a store, in order.
func allEvents(t *testing.T, db *boltstore.DB) []store.Event {
	t.Helper()
	var all []store.Event
	for seq := uint64(0); ; {
		page, err := db.EventsSince(t.Context(), seq, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		seq = page[len(page)-1].Seq
	}
}
