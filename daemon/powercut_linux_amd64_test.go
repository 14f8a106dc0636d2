package daemon_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/webhook"
)

// witness knows what the daemon has let out, and when by the recorder's clock.
type witness struct {
	t      *testing.T
	r      *diskRecorder
	mu     sync.Mutex
	acked  []promise
	events []promise
}

// promise is something that must not be lost from a moment on: a job that was
// acknowledged, or an event that was sent.
type promise struct {
	when int64
	id   string // of the job or the event
	text string // of the audio
}

// ServeHTTP is the receiver.
func (w *witness) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	body, err := readAll(req)
	if err != nil {
		return // the daemon was ended
	}
	event, err := webhook.Parse(body)
	if err != nil {
		w.t.Errorf("parse a webhook: %v", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, promise{when: w.r.now(), id: event.ID})
}

// submit uploads n files, one in seven of which cannot be transcribed.
func (w *witness) submit(ctx context.Context, c *client.Client, name, n int) {
	for i := range n {
		text := fmt.Sprintf("words %d of %d %s", i, name, strings.Repeat(" and more", rand.IntN(2000)))
		if i%7 == 6 {
			text = "fail " + api.JobDamaged
		}
		acc, err := c.Submit(ctx, upload(audio(text)))
		if err != nil {
			w.t.Errorf("submit: %v", err)
			return
		}
		w.mu.Lock()
		w.acked = append(w.acked, promise{w.r.now(), acc.JobID, text})
		w.mu.Unlock()
	}
}

// recordWork runs a daemon under load and returns what it did to the disk, and
// the moment from which on the record is of use.
func recordWork(t *testing.T, dir string) (w *witness, safe int64) {
	t.Helper()
	r, c := recordDaemon(t, dir)
	w = &witness{t: t, r: r}
	server := httptest.NewServer(w)
	defer server.Close()
	if _, err := c.CreateWebhook(t.Context(), api.WebhookPatch{URL: &server.URL}); err != nil {
		t.Fatal(err)
	}
	safe = r.now()
	var submitters sync.WaitGroup
	for i := range 4 {
		submitters.Go(func() { w.submit(t.Context(), c, i, 15) })
	}
	submitters.Wait()
	until(t, "the end of half the work", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.events) >= len(w.acked)/2
	})
	r.kill()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return w, safe
}

// recordDaemon starts a daemon in dir and records what it does to its database
// and its spool, and to files whose paths begin with one of more.
func recordDaemon(t *testing.T, dir string, more ...string) (*diskRecorder, *client.Client) {
	t.Helper()
	cfg := testConfig(t, dir)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=daemon", dirEnv+"="+dir, delayEnv+"=5ms")
	cmd.Stderr = os.Stderr
	r := recordDisk(t, cmd, append(more, filepath.Join(cfg.DataDir, boltstore.FileName), filepath.Join(cfg.DataDir, "."+boltstore.FileName), filepath.Join(cfg.DataDir, "spool"))...)
	c := client.New(cfg.Socket)
	t.Cleanup(c.Close)
	until(t, "the start of the daemon", func() bool { _, err := c.Health(t.Context()); return err == nil })
	return r, c
}

// The record of what a daemon did to its disk is played again up to a random
// moment, at which the power fails: what was not synced is lost, whole or in
// part.
func TestNothingIsLostWhenThePowerFails(t *testing.T) {
	cuts := 200
	if testing.Short() {
		cuts = 40
	}
	dir := shortDir(t)
	w, safe := recordWork(t, dir)
	seed := rand.Uint64()
	luck := rand.New(rand.NewPCG(seed, 0))
	data := testConfig(t, dir).DataDir
	for i := range cuts {
		at, way := crashAfter(w.r.ops, safe, luck), i%nWays
		d := newDisk(nil, w.r.ops, safe, at)
		d.cut(way, luck)
		home := shortDir(t)
		left := testConfig(t, home).DataDir
		if err := d.write(data, left); err != nil {
			t.Fatal(err)
		}
		w.check(left, at)
		if i%(cuts/4) == 0 {
			w.goOn(data, home, at)
		}
		if t.Failed() {
			t.Fatalf("the power failed at %d, way %d, seed %d, cut %d", at, way, seed, i)
		}
		os.RemoveAll(home)
	}
	t.Logf("%d calls, %d jobs, %d events; %d power cuts", len(w.r.ops), len(w.acked), len(w.events), cuts)
}

// check compares what was promised before at with what is left.
func (w *witness) check(data string, at int64) {
	w.t.Helper()
	if err := boltstore.Check(filepath.Join(data, boltstore.FileName)); err != nil {
		w.t.Errorf("the database: %v", err)
	}
	db, err := boltstore.Open(w.t.Context(), data, boltstore.Config{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	made := map[string]string{} // event → job
	for _, e := range allEvents(w.t, db) {
		made[e.ID] = e.JobID
	}
	for _, p := range w.events {
		if p.when <= at && made[p.id] == "" {
			w.t.Errorf("the event %s was sent and is lost", p.id)
		}
	}
	for _, p := range w.acked {
		if p.when > at {
			continue
		}
		job, err := db.Job(w.t.Context(), p.id)
		if err != nil {
			w.t.Errorf("%s was acknowledged: %v", p.id, err)
			continue
		}
		if job.Status.Terminal() {
			continue
		}
		got, err := os.ReadFile(filepath.Join(data, "spool", job.Blob))
		if err != nil || string(got) != string(audio(p.text)) {
			w.t.Errorf("%s is %s: got %d bytes of audio, %v, want the %d that were sent", p.id, job.Status, len(got), err, len(audio(p.text)))
		}
	}
}

// goOn starts a daemon on what is left and sees that it does all the work that
// was promised before at.
func (w *witness) goOn(from, home string, at int64) {
	w.t.Helper()
	const name = "vault.key"
	key, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(testConfig(w.t, home).DataDir, name), key, 0o600); err != nil {
		w.t.Fatal(err)
	}
	f := startIn(w.t, home, nil)
	for _, p := range w.acked {
		if p.when > at {
			continue
		}
		want := api.Completed
		if strings.HasPrefix(p.text, "fail ") {
			want = api.Failed
		}
		job := f.wait(p.id)
		if job.Status != want {
			w.t.Errorf("%s: got %s, want %s", p.id, job.Status, want)
		}
		if _, err := f.client.Result(w.t.Context(), p.id); err != nil && want == api.Completed {
			w.t.Errorf("the result of %s: %v", p.id, err)
		}
	}
	if err := f.shutdown(); err != nil {
		w.t.Error(err)
	}
}
