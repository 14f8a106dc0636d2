package daemon_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

// soakReceiver is one receiver of a soak: it verifies, and remembers the order
// in which events came.
type soakReceiver struct {
	t      *testing.T
	name   string
	takes  time.Duration
	addr   string
	server *http.Server
	deaths int

	hook    string
	ordered bool

	mu     sync.Mutex
	secret string
	came   []string // event ids, repetitions and all
	bad    int      // requests that do not verify
}

func newSoakReceiver(t *testing.T, name string, takes time.Duration) *soakReceiver {
	r := &soakReceiver{t: t, name: name, takes: takes, addr: "127.0.0.1:0"}
	r.live()
	t.Cleanup(r.die)
	return r
}

// live begins to answer, always at the same address.
func (r *soakReceiver) live() {
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Errorf("revive a receiver: %v", err)
		return
	}
	r.addr = l.Addr().String()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go r.server.Serve(l) // ends with die
}

// die refuses connections and cuts off the ones that are there.
func (r *soakReceiver) die() { r.server.Close() }

// dieAndRevive does both in turn until ctx ends, and leaves the receiver alive.
func (r *soakReceiver) dieAndRevive(ctx context.Context, up, down time.Duration) {
	for {
		rest(ctx, up/2)
		if ctx.Err() != nil {
			return
		}
		r.die()
		r.deaths++
		rest(ctx, down)
		r.live()
		rest(ctx, up/2)
	}
}

func (r *soakReceiver) register(c *client.Client, ordered bool) {
	r.t.Helper()
	url := "http://" + r.addr + "/hook"
	r.mu.Lock()
	defer r.mu.Unlock()
	hook, err := c.CreateWebhook(r.t.Context(), api.WebhookPatch{URL: &url, Ordered: &ordered})
	if err != nil {
		r.t.Fatal(err)
	}
	r.hook, r.ordered, r.secret = hook.ID, ordered, hook.Secret
}

// ServeHTTP takes one event.
func (r *soakReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := readAll(req)
	if err != nil {
		return // the daemon died in the middle
	}
	r.mu.Lock()
	err = webhook.Verify(body, req.Header, r.secret, time.Minute)
	if err != nil {
		r.bad++
		w.WriteHeader(http.StatusUnauthorized)
	} else {
		r.came = append(r.came, req.Header.Get(webhook.HeaderEventID))
	}
	r.mu.Unlock()
	time.Sleep(r.takes)
}

// books hold what was promised, and who got what.
type books struct {
	t         *testing.T
	receivers []*soakReceiver

	mu       sync.Mutex
	accepted map[string]string // idempotency key → job
}

// accept notes an acknowledged job.
func (b *books) accept(key, job string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, known := b.accepted[key]; known && old != job {
		b.t.Errorf("the key %s made %s and %s", key, old, job)
	}
	b.accepted[key] = job
}

// account is how a soak ends.
type account struct {
	accepted, events int
	rows             []accountRow
}

type accountRow struct {
	receiver                                            string
	ordered                                             bool
	delivered, duplicates, lost, outOfOrder, unverified int
}

// balance compares what was accepted with the store's events, in their order,
// and with what each receiver got.
func (b *books) balance(events []store.Event) account {
	place := map[string]int{} // of an event in the sequence
	ofJob := map[string]string{}
	for i, e := range events {
		place[e.ID], ofJob[e.JobID] = i, e.ID
	}
	a := account{accepted: len(b.accepted), events: len(events)}
	for _, r := range b.receivers {
		row := accountRow{receiver: r.name, ordered: r.ordered, unverified: r.bad}
		seen, newest := map[string]bool{}, -1
		for _, id := range r.came {
			if seen[id] {
				row.duplicates++
				continue
			}
			seen[id] = true
			if place[id] < newest {
				row.outOfOrder++
			}
			newest = max(newest, place[id])
		}
		row.delivered = len(seen)
		for _, job := range b.accepted {
			if !seen[ofJob[job]] {
				row.lost++
			}
		}
		a.rows = append(a.rows, row)
	}
	return a
}

// String is the account as a table.
func (a account) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "accepted: %d jobs, which made %d events\n", a.accepted, a.events)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "receiver\tdelivered\tduplicates\tlost\tout of order\tunverified\t")
	for _, r := range a.rows {
		name := r.receiver
		if r.ordered {
			name += ", ordered"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, r.delivered, r.duplicates, r.lost, r.outOfOrder, r.unverified)
	}
	w.Flush() // into memory
	return b.String()
}

// check fails the test where a promise was broken.
func (a account) check(t *testing.T) {
	t.Helper()
	if a.accepted == 0 {
		t.Error("nothing was accepted")
	}
	for _, r := range a.rows {
		if r.lost > 0 || r.unverified > 0 {
			t.Errorf("%s: got %d events lost and %d that do not verify, want none", r.receiver, r.lost, r.unverified)
		}
		if r.ordered && r.outOfOrder > 0 {
			t.Errorf("%s: got %d events out of order, want none", r.receiver, r.outOfOrder)
		}
	}
}
