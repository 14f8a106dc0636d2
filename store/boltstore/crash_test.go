package boltstore_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// childDir, when it is set, makes the test binary a process that works on the
// store in that folder until it is killed, and tells on stdout what it was
// told is durable.
const childDir = "VOXPARSE_STORE_CHILD"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil { // a test writes nothing into the checkout
		panic(err)
	}
	if dir := os.Getenv(childDir); dir != "" {
		run := work
		if name := os.Getenv(childChore); name != "" {
			run = func(ctx context.Context, dir string) error { return endlessly(ctx, dir, chores[name]) }
		}
		fmt.Fprintln(os.Stderr, run(context.Background(), dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// work returns only on an error.
func work(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // in case nobody kills us
	defer cancel()
	db, err := boltstore.Open(ctx, dir, boltstore.Config{})
	if err != nil {
		return err
	}
	if err := db.Recover(ctx, "", fmt.Sprint(os.Getpid())); err != nil {
		return err
	}
	hooks, err := db.Webhooks(ctx)
	if err == nil && len(hooks) == 0 {
		for range 2 {
			if _, err := db.CreateWebhook(ctx, store.Webhook{ID: store.NewID(api.WebhookPrefix), Active: true}, 0); err != nil {
				return err
			}
		}
	}
	var out sync.Mutex
	ack := func(what, id string) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what, id)
	}
	errs := make(chan error)
	for range 6 {
		go func() { errs <- submitAndComplete(ctx, db, ack) }()
	}
	for range 2 {
		go func() { errs <- deliver(ctx, db, ack) }()
	}
	go func() { errs <- purgeSome(ctx, db, ack) }()
	return errors.Join(err, <-errs)
}

func submitAndComplete(ctx context.Context, db *boltstore.DB, ack func(what, id string)) error {
	owner := store.Owner("", fmt.Sprint(os.Getpid()))
	for {
		id := store.NewID(api.JobPrefix)
		if _, _, err := db.Submit(ctx, store.Job{ID: id, Metadata: []byte(strings.Repeat("m", rand.IntN(4000)))}); err != nil {
			return err
		}
		ack("submitted", id)
		jobs, err := db.Claim(ctx, store.QueueCommands, owner, time.Minute, 1+rand.IntN(2))
		if err != nil {
			return err
		}
		for _, j := range jobs {
			ev := store.Event{ID: store.EventID(j.ID, j.Generation, api.EventCompleted), Type: api.EventCompleted, Body: []byte(j.ID)}
			if _, err := db.Complete(ctx, j.Token(), []byte(strings.Repeat("r", 1+rand.IntN(9000))), ev); err != nil {
				return err
			}
			ack("completed", j.ID)
		}
	}
}

func deliver(ctx context.Context, db *boltstore.DB, ack func(what, id string)) error {
	for {
		cs, err := db.ClaimDeliveries(ctx, fmt.Sprint(os.Getpid()), time.Minute, 8, 8)
		if err != nil {
			return err
		}
		for _, c := range cs {
			if string(c.Event.Body) != c.Delivery.JobID {
				return fmt.Errorf("event %s has the body %q of another job", c.Event.ID, c.Event.Body)
			}
			_, err := db.RecordAttempt(ctx, c.Delivery.Token(), api.Attempt{Status: 200}, store.Outcome{Status: api.DeliveryDelivered})
			if errors.Is(err, api.NotFound) {
				continue // its job was deleted
			}
			if err != nil {
				return err
			}
			ack("delivered", c.Delivery.ID)
		}
	}
}

// purgeSome deletes old jobs, so that pages are freed and used again. It says
// what it is about to purge first: those may be gone afterwards.
func purgeSome(ctx context.Context, db *boltstore.DB, ack func(what, id string)) error {
	for {
		jobs, err := db.JobsPage(ctx, store.JobFilter{Status: api.Completed}, 200, 20)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			ack("purging", j.ID)
			if err := db.DeleteJob(ctx, j.ID, true); err != nil {
				return err
			}
		}
		<-time.After(time.Millisecond)
	}
}

func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	acked := map[string]map[string]bool{"submitted": {}, "completed": {}, "delivered": {}, "purging": {}}
	for round := range rounds {
		runAndKill(t, dir, 200+rand.IntN(800), acked)
		if err := boltstore.Check(filepath.Join(dir, boltstore.FileName)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		verify(t, dir, acked)
	}
	for what, ids := range acked {
		t.Logf("%s: %d", what, len(ids))
	}
}

// runAndKill kills the child after so many acknowledgements, and reads what it
// had still said before it died.
func runAndKill(t *testing.T, dir string, after int, acked map[string]map[string]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, id, ok := strings.Cut(lines.Text(), " ")
		if ok && acked[what] != nil && len(id) == 30 {
			acked[what][id] = true
		}
		if n++; n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("child: got %v after %d lines, want it killed", err, n)
	}
}

// verify compares the store with what was acknowledged.
func verify(t *testing.T, dir string, acked map[string]map[string]bool) {
	t.Helper()
	ctx := t.Context()
	db, err := boltstore.Open(ctx, dir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hooks, err := db.Webhooks(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for id := range acked["submitted"] {
		j, err := db.Job(ctx, id)
		if acked["purging"][id] && errors.Is(err, api.NotFound) {
			continue
		}
		if err != nil || acked["completed"][id] && j.Status != api.Completed {
			t.Errorf("job %s: got %s, error %v, want what was acknowledged", id, j.Status, err)
		}
		ds, _, err := db.Deliveries(ctx, store.DeliveryFilter{Job: id}, "", 10)
		want := 0
		if j.Status == api.Completed {
			want = len(hooks)
		}
		if err != nil || len(ds) != want {
			t.Errorf("deliveries of %s job %s: got %d, error %v, want %d", j.Status, id, len(ds), err, want)
		}
		for _, d := range ds {
			if acked["delivered"][d.ID] && d.Status != api.DeliveryDelivered {
				t.Errorf("delivery %s: got %s, want delivered", d.ID, d.Status)
			}
		}
	}
}
