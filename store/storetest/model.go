package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Model is a store of plain maps: slow, forgetful and easy to see through.
type Model struct {
	mu         sync.Mutex
	opts       store.Options
	jobs       map[string]*modelJob
	dedupe     map[string]string
	events     []store.Event
	seq        uint64
	purgeAt    map[string]time.Time // of events of no job
	hooks      map[string]*store.Webhook
	deliveries map[string]*modelDelivery
	perWebhook int
	lastServed string
	blocked    map[string]time.Time // by webhook: Admit allows none before
}

type modelJob struct {
	store.Job
	result  []byte
	spent   uint64
	spentAs string
	purgeAt time.Time
}

type modelDelivery struct {
	store.Delivery
	attempts  []api.Attempt
	attemptID string // of the last claim
	spent     uint64
	latest    string
	root      string
}

// NewModel returns an empty model.
func NewModel(opts store.Options) *Model {
	return &Model{opts: opts, jobs: map[string]*modelJob{}, dedupe: map[string]string{}, purgeAt: map[string]time.Time{},
		hooks: map[string]*store.Webhook{}, deliveries: map[string]*modelDelivery{}, perWebhook: 1 << 30, blocked: map[string]time.Time{}}
}

// Models is a Backend of models; one that is opened again is as it was closed.
func Models() Backend {
	var mu sync.Mutex
	all := map[string]*Model{}
	return func(_ context.Context, dir string, opts store.Options) (Store, error) {
		mu.Lock()
		defer mu.Unlock()
		if all[dir] == nil {
			all[dir] = NewModel(opts)
		}
		all[dir].opts = opts
		return all[dir], nil
	}
}

// Close does nothing: a model has nothing to close.
func (m *Model) Close() error { return nil }

func now() time.Time { return plain(time.Now()) }

// plain is t in UTC and without a monotonic reading, as a store gives it back.
func plain(t time.Time) time.Time { return t.UTC().Round(0) }

// Submit implements Store.
func (m *Model) Submit(ctx context.Context, j store.Job) (store.Job, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return store.Job{}, false, api.Unavailable
	}
	if !api.ValidID(api.JobPrefix, j.ID) {
		return store.Job{}, false, api.Invalid
	}
	if old := m.jobs[j.ID]; old != nil {
		return old.Job, false, nil
	}
	if j.Dedupe != "" {
		if id, ok := m.dedupe[j.Dedupe]; ok {
			return m.jobs[id].Job, false, nil
		}
		m.dedupe[j.Dedupe] = j.ID
	}
	j.State, j.Revision = api.Queued, 1
	j.Due, j.CreatedAt = plain(j.Due), plain(j.CreatedAt)
	if j.Queue == "" {
		j.Queue = store.QueueCommands
	}
	if j.MaxAttempts == 0 {
		j.MaxAttempts = 3
	}
	if j.Due.IsZero() {
		j.Due = now()
	}
	if j.CreatedAt.IsZero() {
		j.CreatedAt = now()
	}
	m.jobs[j.ID] = &modelJob{Job: j}
	return j, true, nil
}

func (j *modelJob) due() time.Time {
	if j.State == api.Processing {
		return j.LeaseUntil
	}
	return j.Due
}

// Claim implements Store.
func (m *Model) Claim(_ context.Context, queue, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []*modelJob
	for _, j := range m.jobs {
		if !j.State.Terminal() && j.Queue == queue && !j.due().After(now()) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *modelJob) int {
		if c := a.due().Compare(b.due()); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var got []store.Job
	for _, j := range due {
		if len(got) == n {
			break
		}
		if j.Attempts >= j.MaxAttempts {
			m.exhaust(j)
			continue
		}
		j.Attempts++
		j.Revision++
		j.State, j.Owner, j.LeaseUntil, j.Waiting, j.Job.Progress = api.Processing, owner, now().Add(ttl), "", api.Progress{}
		if j.StartedAt.IsZero() {
			j.StartedAt = now()
		}
		got = append(got, j.Job)
	}
	return got, nil
}

func (m *Model) exhaust(j *modelJob) {
	j.Error = store.JobError{Code: api.JobInternal, Message: "attempts are used up"}
	var ev store.Event
	if m.opts.FailBody != nil {
		ev, _ = m.opts.FailBody(j.Job) // the tests' FailBody does not fail
	}
	j.spend("fail")
	j.end(api.Failed)
	m.post(&j.Job, ev)
}

func (j *modelJob) spend(as string) {
	j.spent, j.spentAs = j.Revision, as
	j.Revision++
	j.Owner, j.LeaseUntil = "", time.Time{}
}

func (j *modelJob) end(s api.JobStatus) {
	j.State, j.FinishedAt, j.purgeAt, j.Waiting, j.Due = s, now(), now(), "", time.Time{}
}

// spendToken runs change on the job that tok holds, unless it ran before.
func (m *Model) spendToken(tok store.Token, as string, change func(*modelJob)) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.jobs[tok.ID]
	switch {
	case j == nil:
		return store.Job{}, api.NotFound
	case j.State == api.Processing && j.Revision == tok.Revision:
		if as != "" {
			j.spend(as)
		}
		change(j)
	case as == "" || j.spent != tok.Revision || j.spentAs != as:
		return store.Job{}, api.LeaseLost
	}
	return j.Job, nil
}

// Extend implements Store.
func (m *Model) Extend(_ context.Context, tok store.Token, ttl time.Duration) error {
	_, err := m.spendToken(tok, "", func(j *modelJob) { j.LeaseUntil = now().Add(ttl) })
	return err
}

// Progress implements Store.
func (m *Model) Progress(_ context.Context, tok store.Token, p api.Progress) error {
	_, err := m.spendToken(tok, "", func(j *modelJob) { j.Job.Progress = p })
	return err
}

// Release implements Store.
func (m *Model) Release(_ context.Context, tok store.Token, due time.Time, waiting string) error {
	_, err := m.spendToken(tok, "release", func(j *modelJob) {
		j.requeue(due)
		j.Attempts--
		j.Waiting = waiting
	})
	return err
}

func (j *modelJob) requeue(due time.Time) {
	if due.IsZero() {
		due = now()
	}
	j.State, j.Due, j.Job.Progress = api.Queued, plain(due), api.Progress{}
}

// Complete implements Store.
func (m *Model) Complete(_ context.Context, tok store.Token, result []byte, ev store.Event) (store.Job, error) {
	return m.spendToken(tok, "complete", func(j *modelJob) {
		j.end(api.Completed)
		j.Error, j.Blob, j.result = store.JobError{}, "", result
		m.post(&j.Job, ev)
	})
}

// Fail implements Store.
func (m *Model) Fail(_ context.Context, tok store.Token, why store.JobError, retryAt time.Time, ev store.Event) (store.Job, error) {
	return m.spendToken(tok, "fail", func(j *modelJob) {
		j.Error = why
		if !retryAt.IsZero() {
			j.requeue(retryAt)
			return
		}
		j.end(api.Failed)
		m.post(&j.Job, ev)
	})
}

// Cancel implements Store.
func (m *Model) Cancel(_ context.Context, id string, revision uint64) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.jobs[id]
	switch {
	case j == nil:
		return store.Job{}, api.NotFound
	case j.State == api.Cancelled && (revision == 0 || j.spent == revision && j.spentAs == "cancel"):
	case j.State.Terminal(), revision != 0 && j.Revision != revision:
		return store.Job{}, api.Conflict
	default:
		j.spend("cancel")
		j.end(api.Cancelled)
	}
	return j.Job, nil
}

// Retry implements Store.
func (m *Model) Retry(_ context.Context, id string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.jobs[id]
	switch {
	case j == nil:
		return store.Job{}, api.NotFound
	case j.State != api.Failed && j.State != api.Cancelled:
		return store.Job{}, api.Conflict
	}
	j.Revision++
	j.Generation++
	j.requeue(now())
	j.Attempts, j.StartedAt, j.FinishedAt, j.Error, j.Waiting = 0, time.Time{}, time.Time{}, store.JobError{}, ""
	return j.Job, nil
}

// DeleteJob implements Store.
func (m *Model) DeleteJob(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch j := m.jobs[id]; {
	case j == nil:
		return api.NotFound
	case !j.State.Terminal():
		return api.Conflict
	}
	m.drop(id)
	return nil
}

func (m *Model) drop(id string) {
	delete(m.dedupe, m.jobs[id].Dedupe)
	delete(m.jobs, id)
	maps.DeleteFunc(m.deliveries, func(_ string, d *modelDelivery) bool { return d.JobID == id })
	m.events = slices.DeleteFunc(m.events, func(e store.Event) bool { return e.JobID == id })
}

// Recover implements Store.
func (m *Model) Recover(_ context.Context, owner string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.jobs {
		if j.State == api.Processing && j.Owner != owner {
			j.Revision++
			j.Owner, j.LeaseUntil = "", time.Time{}
			j.requeue(now())
			j.Attempts--
		}
	}
	for _, d := range m.deliveries {
		if d.State == api.DeliveryInFlight && d.Owner != owner {
			d.giveBack()
		}
	}
	return nil
}

// Purge implements Store. The limit counts exactly.
func (m *Model) Purge(_ context.Context, before time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	due := func(at time.Time, open bool) (time.Time, bool) {
		for open && at.Before(before) {
			at = at.Add(24 * time.Hour)
		}
		return at, at.Before(before)
	}
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		j := m.jobs[id]
		if !j.State.Terminal() || n == limit {
			continue
		}
		var purge bool
		if j.purgeAt, purge = due(j.purgeAt, m.open(func(d *modelDelivery) bool { return d.JobID == id })); purge {
			m.drop(id)
			n++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.purgeAt)) {
		if n == limit {
			break
		}
		of := func(d *modelDelivery) bool { return d.EventID == id }
		var purge bool
		if m.purgeAt[id], purge = due(m.purgeAt[id], m.open(of)); purge {
			delete(m.purgeAt, id)
			maps.DeleteFunc(m.deliveries, func(_ string, d *modelDelivery) bool { return of(d) })
			m.events = slices.DeleteFunc(m.events, func(e store.Event) bool { return e.ID == id })
			n++
		}
	}
	return n, nil
}

func (m *Model) open(of func(*modelDelivery) bool) bool {
	for _, d := range m.deliveries {
		if s := d.State; of(d) && (s == api.DeliveryPending || s == api.DeliveryInFlight) {
			return true
		}
	}
	return false
}
