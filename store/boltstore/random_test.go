package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/store/storetest"
)

// act is one random operation: which, and what it picks among what there is.
type act struct {
	Op, A, B int
}

// twins runs the same operations on the store and on the model, and compares
// what they answer. Ids that a store makes itself differ: the model's are kept
// beside them in the order in which they were made.
type twins struct {
	ctx    context.Context
	dir    string
	opts   store.Options
	a, m   store.Store
	jobs   []string
	hooks  []string
	ids    map[string]string // of the store's redeliveries: the model's
	tokens []tokenPair
	sends  []tokenPair
	owner  int
}

type tokenPair struct{ a, m store.Token }

func TestRandomOperationsLikeTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		acts := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) act {
			return act{Op: rapid.IntRange(0, len(operations)-1).Draw(rt, "op"), A: rapid.IntRange(0, 1<<16).Draw(rt, "a"), B: rapid.IntRange(0, 1<<16).Draw(rt, "b")}
		}), 30, 150).Draw(rt, "acts")
		var trouble string
		synctest.Test(t, func(t *testing.T) { trouble = runTwins(t, acts) })
		if trouble != "" {
			rt.Fatal(trouble)
		}
	})
}

func runTwins(t *testing.T, acts []act) (trouble string) {
	dir, err := os.MkdirTemp("", "twins")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(dir)
	w := &twins{ctx: t.Context(), dir: dir, ids: map[string]string{}, opts: store.Options{FailEvent: func(j store.Job, _ time.Time) (store.Event, error) {
		return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventFailed), Type: api.EventFailed, Body: []byte("f")}, nil
	}}}
	w.m = storetest.NewModel(w.opts)
	if w.a, err = boltstore.Open(w.ctx, dir, boltstore.Config{Options: w.opts}); err != nil {
		return err.Error()
	}
	var told []string
	for _, x := range acts {
		op := operations[x.Op]
		got, want := op.run(w, x)
		told = append(told, fmt.Sprintf("%s %d %d: %.80s", op.name, x.A, x.B, got))
		if got == want {
			got, want = w.state(w.a, true), w.state(w.m, false)
		}
		if got != want {
			trouble = fmt.Sprintf("%s\nonly the store says:\n%s\nonly the model says:\n%s", strings.Join(told, "\n"), without(got, want), without(want, got))
			break
		}
	}
	if err := w.a.Close(); err != nil {
		return err.Error()
	}
	if err := boltstore.Check(dir + "/" + boltstore.FileName); err != nil && trouble == "" {
		trouble = strings.Join(told, "\n") + "\n" + err.Error()
	}
	return trouble
}

// without returns the lines of a that b has not.
func without(a, b string) string {
	has := map[string]bool{}
	for line := range strings.Lines(b) {
		has[line] = true
	}
	var left strings.Builder
	for line := range strings.Lines(a) {
		if !has[line] {
			left.WriteString(line)
		}
	}
	return left.String()
}

// say makes an answer comparable.
func say(err error, facts ...any) string {
	for _, c := range []api.Code{api.NotFound, api.Conflict, api.LeaseLost, api.Invalid} {
		if errors.Is(err, c) {
			return string(c)
		}
	}
	return fmt.Sprint(err, facts)
}

func job(j store.Job) string {
	j.Revision, j.Error.Message = 0, "" // the sentences are a store's own
	return fmt.Sprintf("%+v", j)
}

// state lists all that can be seen.
func (w *twins) state(s store.Store, real bool) string {
	var b strings.Builder
	js, err := s.JobsPage(w.ctx, store.JobFilter{}, 0, 1000)
	fmt.Fprintln(&b, err)
	for _, j := range js {
		fmt.Fprintln(&b, job(j))
	}
	ds, _, err := s.Deliveries(w.ctx, store.DeliveryFilter{}, "", 1000)
	lines := []string{fmt.Sprint(err)}
	for _, d := range ds {
		if real {
			d.ID, d.RedeliveryOf = w.modelID(d.ID), w.modelID(d.RedeliveryOf)
		}
		d.Revision, d.Seq = 0, 0 // the numbers are a store's own
		lines = append(lines, fmt.Sprintf("%+v", d))
	}
	slices.Sort(lines)
	fmt.Fprintln(&b, strings.Join(lines, "\n"))
	hooks, err := s.Webhooks(w.ctx)
	for _, h := range hooks {
		h.Revision = 0
		fmt.Fprintf(&b, "%+v\n", h)
	}
	nj, err1 := s.CountJobs(w.ctx)
	nd, err2 := s.CountDeliveries(w.ctx)
	at, ok, err3 := s.NextJob(w.ctx)
	due, some, err4 := s.NextDelivery(w.ctx, 2)
	evs, err5 := s.EventsSince(w.ctx, 0, 200)
	for i := range evs {
		evs[i].Seq = 0
	}
	fmt.Fprintln(&b, err, nj, nd, at.UTC(), ok, due.UTC(), some, evs, err1, err2, err3, err4, err5)
	return b.String()
}

func (w *twins) modelID(id string) string {
	if m, ok := w.ids[id]; ok {
		return m
	}
	return id
}

// pair learns which of the model's ids belong to the store's new redeliveries.
func (w *twins) pair() {
	fresh := func(s store.Store, known func(string) bool) (ids []string) {
		ds, _, _ := s.Deliveries(w.ctx, store.DeliveryFilter{}, "", 1000)
		for _, d := range ds {
			if d.RedeliveryOf != "" && !known(d.ID) {
				ids = append(ids, d.ID)
			}
		}
		slices.Sort(ids)
		return ids
	}
	as := fresh(w.a, func(id string) bool { return w.ids[id] != "" })
	ms := fresh(w.m, func(id string) bool {
		for _, m := range w.ids {
			if m == id {
				return true
			}
		}
		return false
	})
	for i := range min(len(as), len(ms)) {
		w.ids[as[i]] = ms[i]
	}
}

func pick[T any](all []T, n int) (v T) {
	if len(all) == 0 {
		return v
	}
	return all[n%len(all)]
}
