package boltstore_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// operations are what a random run is made of. Each answers what the store
// said and what the model said.
var operations = []struct {
	name string
	run  func(*twins, act) (got, want string)
}{
	{"submit", (*twins).submit},
	{"submit", (*twins).submit},
	{"claim", (*twins).claim},
	{"claim", (*twins).claim},
	{"complete", (*twins).complete},
	{"complete", (*twins).complete},
	{"fail", (*twins).fail},
	{"release", (*twins).release},
	{"extend", (*twins).extend},
	{"cancel", (*twins).cancel},
	{"retry", (*twins).retry},
	{"delete job", (*twins).deleteJob},
	{"create webhook", (*twins).createHook},
	{"update webhook", (*twins).updateHook},
	{"delete webhook", (*twins).deleteHook},
	{"post", (*twins).post},
	{"claim deliveries", (*twins).claimDeliveries},
	{"claim deliveries", (*twins).claimDeliveries},
	{"record", (*twins).record},
	{"record", (*twins).record},
	{"record", (*twins).record},
	{"release delivery", (*twins).releaseDelivery},
	{"redeliver", (*twins).redeliver},
	{"replay", (*twins).replay},
	{"pass time", (*twins).passTime},
	{"purge", (*twins).purge},
	{"recover", (*twins).recover},
	{"reopen", (*twins).reopen},
	{"list", (*twins).list},
}

// both asks the store and the model the same.
func (w *twins) both(ask func(s store.Store) string) (got, want string) {
	return ask(w.a), ask(w.m)
}

func (w *twins) submit(x act) (string, string) {
	id := store.NewID(api.JobPrefix)
	if x.A%5 == 0 && len(w.jobs) > 0 {
		id = pick(w.jobs, x.B)
	}
	w.jobs = append(w.jobs, id)
	j := store.Job{ID: id, Queue: pick([]string{"commands", "wat"}, x.B), MaxAttempts: 1 + x.A%2, Dedupe: pick([]string{"", "", "k", "l"}, x.A)}
	if x.B%4 == 0 {
		j.Webhooks = []string{pick(w.hooks, x.A)}
	}
	return w.both(func(s store.Store) string {
		got, created, err := s.Submit(w.ctx, j)
		return say(err, job(got), created)
	})
}

func (w *twins) claim(x act) (string, string) {
	queue, n := pick([]string{"commands", "wat"}, x.A), 1+x.B%2
	owner := store.Owner(pick([]string{"a", "a", "b"}, x.B), fmt.Sprint("run", w.owner))
	as, err1 := w.a.Claim(w.ctx, queue, owner, time.Minute, n)
	ms, err2 := w.m.Claim(w.ctx, queue, owner, time.Minute, n)
	for i := range min(len(as), len(ms)) {
		w.tokens = append(w.tokens, tokenPair{as[i].Token(), ms[i].Token()})
	}
	tell := func(js []store.Job) (all []string) {
		for _, j := range js {
			all = append(all, job(j))
		}
		return all
	}
	return say(err1, tell(as)), say(err2, tell(ms))
}

// held runs a call that spends a token on both.
func (w *twins) held(x act, call func(store.Store, store.Token) (store.Job, error)) (string, string) {
	p := pick(w.tokens, len(w.tokens)-1-x.A%4+4)
	a, err1 := call(w.a, p.a)
	m, err2 := call(w.m, p.m)
	return say(err1, job(a)), say(err2, job(m))
}

func event(s store.Store, w *twins, id, typ string) store.Event {
	j, err := s.Job(w.ctx, id)
	if err != nil {
		return store.Event{}
	}
	return store.Event{ID: store.EventID(id, j.Generation, typ), Type: typ, Body: []byte(id)}
}

func (w *twins) complete(x act) (string, string) {
	return w.held(x, func(s store.Store, tok store.Token) (store.Job, error) {
		return s.Complete(w.ctx, tok, []byte("r"), event(s, w, tok.ID, api.EventCompleted))
	})
}

func (w *twins) fail(x act) (string, string) {
	var at time.Time
	if x.B%2 == 0 {
		at = time.Now().Add(time.Duration(x.B%5) * time.Minute)
	}
	return w.held(x, func(s store.Store, tok store.Token) (store.Job, error) {
		return s.Fail(w.ctx, tok, store.JobError{Code: "c", Message: "m"}, at, event(s, w, tok.ID, api.EventFailed))
	})
}

func (w *twins) release(x act) (string, string) {
	return w.held(x, func(s store.Store, tok store.Token) (store.Job, error) {
		return store.Job{}, s.Release(w.ctx, tok, time.Now().Add(time.Duration(x.B%3)*time.Minute), "w")
	})
}

func (w *twins) extend(x act) (string, string) {
	return w.held(x, func(s store.Store, tok store.Token) (store.Job, error) {
		return store.Job{}, s.Extend(w.ctx, tok, 5*time.Minute, api.Progress{Stage: "decode", Percent: float64(x.B)})
	})
}

func (w *twins) cancel(x act) (string, string) {
	id := pick(w.jobs, x.A)
	return w.both(func(s store.Store) string {
		j, err := s.Cancel(w.ctx, id, 0)
		return say(err, job(j))
	})
}

func (w *twins) retry(x act) (string, string) {
	id := pick(w.jobs, x.A)
	return w.both(func(s store.Store) string {
		j, err := s.Retry(w.ctx, id)
		return say(err, job(j))
	})
}

func (w *twins) deleteJob(x act) (string, string) {
	id := pick(w.jobs, x.A)
	return w.both(func(s store.Store) string { return say(s.DeleteJob(w.ctx, id, x.B%3 == 0)) })
}

func (w *twins) createHook(x act) (string, string) {
	if len(w.hooks) >= 5 {
		return "", ""
	}
	h := store.Webhook{ID: store.NewID(api.WebhookPrefix), URL: "http://x", Active: x.A%5 != 0, Ordered: x.B%3 == 0, RateLimit: pick([]float64{0, 0, 0.02, 30}, x.B)}
	if x.A%4 == 0 {
		h.Events = []string{api.EventCompleted}
	}
	w.hooks = append(w.hooks, h.ID)
	return w.both(func(s store.Store) string {
		_, err := s.CreateWebhook(w.ctx, h, 4)
		return say(err)
	})
}

func (w *twins) updateHook(x act) (string, string) {
	id := pick(w.hooks, x.A)
	return w.both(func(s store.Store) string {
		_, err := s.UpdateWebhook(w.ctx, id, func(h *store.Webhook) error {
			switch x.B % 5 {
			case 4:
				h.RateLimit = float64(x.A % 3)
			case 0:
				h.Active = false
			case 1:
				h.Ordered = !h.Ordered
			default:
				h.Active = true
			}
			return nil
		})
		return say(err)
	})
}

func (w *twins) deleteHook(x act) (string, string) {
	if x.B%3 != 0 {
		return "", ""
	}
	id := pick(w.hooks, x.A)
	return w.both(func(s store.Store) string { return say(s.DeleteWebhook(w.ctx, id, x.B%2 == 0)) })
}

func (w *twins) post(x act) (string, string) {
	ev := store.Event{ID: store.NewID(api.EventPrefix), Type: api.EventTest, Body: []byte("t")}
	id := pick(w.hooks, x.A)
	return w.both(func(s store.Store) string {
		ds, err := s.PostEvent(w.ctx, ev, []string{id}, x.B%2 == 0)
		return say(err, len(ds))
	})
}

func (w *twins) claimDeliveries(x act) (string, string) {
	owner, per := store.Owner(pick([]string{"a", "a", "b"}, x.B), fmt.Sprint("run", w.owner)), 1+x.A%3
	as, err1 := w.a.ClaimDeliveries(w.ctx, owner, time.Duration(1+x.B%3)*time.Minute, 1000, per)
	ms, err2 := w.m.ClaimDeliveries(w.ctx, owner, time.Duration(1+x.B%3)*time.Minute, 1000, per)
	byID := map[string]store.Token{}
	for _, c := range ms {
		byID[c.Delivery.ID] = c.Delivery.Token()
	}
	var at, mt []string
	for _, c := range as {
		id := w.modelID(c.Delivery.ID)
		c.Event.Seq = 0
		at = append(at, fmt.Sprint(id, c.Event, c.Webhook.ID, c.Delivery.Attempts))
		w.sends = append(w.sends, tokenPair{c.Delivery.Token(), byID[id]})
	}
	for _, c := range ms {
		c.Event.Seq = 0
		mt = append(mt, fmt.Sprint(c.Delivery.ID, c.Event, c.Webhook.ID, c.Delivery.Attempts))
	}
	slices.Sort(at)
	slices.Sort(mt)
	return say(err1, strings.Join(at, "\n")), say(err2, strings.Join(mt, "\n"))
}

func (w *twins) record(x act) (string, string) {
	p := pick(w.sends, len(w.sends)-1-x.A%8+8)
	out := store.Outcome{Status: api.DeliveryPending, RetryAt: time.Now().Add(time.Duration(x.B%20) * time.Minute)}
	switch x.B % 7 {
	case 0:
		out = store.Outcome{Status: api.DeliveryDelivered}
	case 1:
		out = store.Outcome{Status: api.DeliveryFailed}
	case 2:
		out = store.Outcome{Status: api.DeliveryFailed, Gone: x.A%9 == 0}
	}
	a, err1 := w.a.RecordAttempt(w.ctx, p.a, api.Attempt{Status: x.B % 600}, out)
	m, err2 := w.m.RecordAttempt(w.ctx, p.m, api.Attempt{Status: x.B % 600}, out)
	return say(err1, a), say(err2, m)
}

func (w *twins) releaseDelivery(x act) (string, string) {
	p := pick(w.sends, len(w.sends)-1-x.A%8+8)
	return say(w.a.ReleaseDelivery(w.ctx, p.a)), say(w.m.ReleaseDelivery(w.ctx, p.m))
}

func (w *twins) redeliver(x act) (string, string) {
	ds, _, err := w.a.Deliveries(w.ctx, store.DeliveryFilter{}, "", 1000)
	if err != nil || len(ds) == 0 {
		return "", ""
	}
	id := pick(ds, x.A).ID
	a, err1 := w.a.Redeliver(w.ctx, id)
	m, err2 := w.m.Redeliver(w.ctx, w.modelID(id))
	if err1 == nil && err2 == nil {
		w.ids[a.ID] = m.ID
	}
	return say(err1, a.Status, a.EventID), say(err2, m.Status, m.EventID)
}

func (w *twins) replay(x act) (string, string) {
	id, until := pick(w.hooks, x.A), time.Now().Add(-time.Duration(x.B%3)*time.Minute)
	statuses := pick([][]api.DeliveryStatus{nil, {api.DeliveryDelivered}, {api.DeliveryHeld, api.DeliveryFailed}}, x.B)
	got, want := w.both(func(s store.Store) string {
		n, more, err := s.Replay(w.ctx, id, until.Add(-time.Hour), until, statuses, 1+x.A%4)
		return say(err, n, more)
	})
	w.pair()
	return got, want
}

func (w *twins) passTime(x act) (string, string) {
	time.Sleep(time.Duration(x.A%40)*30*time.Second + time.Millisecond)
	return "", ""
}

func (w *twins) purge(x act) (string, string) {
	before := time.Now().Add(-time.Duration(x.A%60) * time.Minute)
	return w.both(func(s store.Store) string {
		n, err := s.Purge(w.ctx, before, 1000)
		return say(err, n)
	})
}

func (w *twins) recover(act) (string, string) {
	w.owner++
	return w.both(func(s store.Store) string { return say(s.Recover(w.ctx, "a", fmt.Sprint("run", w.owner))) })
}

func (w *twins) reopen(act) (string, string) {
	if err := w.a.Close(); err != nil {
		return err.Error(), ""
	}
	if err := boltstore.Check(w.dir + "/" + boltstore.FileName); err != nil {
		return err.Error(), ""
	}
	db, err := boltstore.Open(w.ctx, w.dir, boltstore.Config{Options: w.opts})
	if err != nil {
		return err.Error(), ""
	}
	w.a = db
	return w.claimDeliveries(act{}) // the turns of the webhooks are not kept
}

func (w *twins) list(x act) (string, string) {
	f := store.JobFilter{Status: pick([]api.JobStatus{"", api.Queued, api.Completed}, x.A)}
	d := store.DeliveryFilter{Webhook: pick(w.hooks, x.A), Status: pick([]api.DeliveryStatus{"", api.DeliveryHeld, api.DeliveryPending}, x.B)}
	if d.Webhook == "" {
		return "", ""
	}
	return w.both(func(s store.Store) string {
		js, err := s.JobsPage(w.ctx, f, 0, 1+x.B%5)
		page, err2 := s.JobsPage(w.ctx, f, x.B%7, 3)
		ds, _, err3 := s.Deliveries(w.ctx, d, "", 1000)
		return say(err, len(js), len(page), err2, len(ds), err3)
	})
}
