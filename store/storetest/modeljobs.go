package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

type modelJob struct {
	store.Job
	result  []byte
	spent   uint64
	spentAs string
	purgeAt time.Time
}

// Submit implements store.Jobs.
func (m *Model) Submit(ctx context.Context, j store.Job) (store.Job, bool, error) {
	unlock, err := m.locked(ctx)
	if err != nil {
		return store.Job{}, false, err
	}
	defer unlock()
	return m.submit(j)
}

func (m *Model) submit(j store.Job) (store.Job, bool, error) {
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
	j = store.NewJob(j, m.now())
	m.jobs[j.ID] = &modelJob{Job: j}
	signal(m.jobsReady)
	return j, true, nil
}

// AwaitJobs claims what is due; it waits for nothing, as a backend may.
func (m *Model) AwaitJobs(ctx context.Context, queue, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	return m.Claim(ctx, queue, owner, ttl, n)
}

// Claim implements store.Queue.
func (m *Model) Claim(_ context.Context, queue, owner string, ttl time.Duration, n int) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []*modelJob
	for _, j := range m.jobs {
		if !j.Status.Terminal() && j.Queue == queue && !j.ReadyAt().After(m.now()) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *modelJob) int {
		if c := a.ReadyAt().Compare(b.ReadyAt()); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var got []store.Job
	for _, j := range due {
		if len(got) == n {
			break
		}
		if j.Exhausted() {
			m.exhaust(j)
			continue
		}
		j.Job.Claim(owner, m.now(), ttl)
		got = append(got, j.Job)
	}
	return got, nil
}

// exhaust makes the event twice, as a backend that repeats a transaction may.
func (m *Model) exhaust(j *modelJob) {
	j.Error = j.ExhaustedError()
	var ev store.Event
	for range 2 {
		if m.opts.FailEvent != nil {
			ev, _ = m.opts.FailEvent(j.Job, m.now()) // the tests' FailEvent does not fail
		}
	}
	j.spend("fail")
	m.end(j, api.Failed)
	m.post(&j.Job, ev)
}

func (j *modelJob) spend(as string) {
	j.spent, j.spentAs = j.Revision, as
	j.EndLease()
}

func (m *Model) end(j *modelJob, s api.JobStatus) {
	m.endDuplicates(j.ID, s == api.Completed)
	j.End(s, m.now())
	j.purgeAt = m.now()
	m.endFile(&j.Job)
}

// spendToken runs change on the job that tok holds, unless it ran before.
func (m *Model) spendToken(tok store.Token, as string, change func(*modelJob)) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.jobs[tok.ID]
	switch {
	case j == nil:
		return store.Job{}, api.NotFound
	case j.Status == api.Processing && j.Revision == tok.Revision:
		if as != "" {
			j.spend(as)
		}
		change(j)
	case as == "" || j.spent != tok.Revision || j.spentAs != as:
		return store.Job{}, api.LeaseLost
	}
	return j.Job, nil
}

// Extend implements store.Queue.
func (m *Model) Extend(_ context.Context, tok store.Token, ttl time.Duration, p api.Progress) error {
	_, err := m.spendToken(tok, "", func(j *modelJob) { j.LeaseUntil, j.Job.Progress = m.now().Add(ttl), p })
	return err
}

// Release implements store.Queue.
func (m *Model) Release(_ context.Context, tok store.Token, due time.Time, waiting string) error {
	_, err := m.spendToken(tok, "release", func(j *modelJob) {
		j.Requeue(due, m.now(), true)
		j.Waiting = waiting
		signal(m.jobsReady)
	})
	return err
}

func (m *Model) complete(j *modelJob, result []byte, ev store.Event) {
	m.end(j, api.Completed)
	m.giveUpBlob(j.Blob)
	j.Error, j.Blob, j.result = store.JobError{}, "", result
	m.post(&j.Job, ev)
}

// Complete implements store.Queue.
func (m *Model) Complete(_ context.Context, tok store.Token, result []byte, ev store.Event) (store.Job, error) {
	return m.spendToken(tok, "complete", func(j *modelJob) { m.complete(j, result, ev) })
}

func (m *Model) fail(j *modelJob, why store.JobError, retryAt time.Time, ev store.Event) {
	j.Error = why
	if !retryAt.IsZero() {
		j.Requeue(retryAt, m.now(), false)
		signal(m.jobsReady)
		return
	}
	m.end(j, api.Failed)
	if why.Hopeless() {
		m.giveUpBlob(j.Blob)
		j.Blob = ""
	}
	m.post(&j.Job, ev)
}

// Fail implements store.Queue.
func (m *Model) Fail(_ context.Context, tok store.Token, why store.JobError, retryAt time.Time, ev store.Event) (store.Job, error) {
	return m.spendToken(tok, "fail", func(j *modelJob) { m.fail(j, why, retryAt, ev) })
}

// Cancel implements store.Jobs.
func (m *Model) Cancel(_ context.Context, id string, revision uint64) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.jobs[id]
	switch {
	case j == nil:
		return store.Job{}, api.NotFound
	case j.Status == api.Cancelled && (revision == 0 || j.spent == revision && j.spentAs == "cancel"):
	case j.Status.Terminal(), revision != 0 && j.Revision != revision:
		return store.Job{}, api.Conflict
	default:
		j.spend("cancel")
		m.end(j, api.Cancelled)
	}
	return j.Job, nil
}

// Retry implements store.Jobs.
func (m *Model) Retry(_ context.Context, id string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.retry(id)
}

func (m *Model) retry(id string) (store.Job, error) {
	j := m.jobs[id]
	if j == nil {
		return store.Job{}, api.NotFound
	}
	next := j.Job
	if err := next.Retry(m.now()); err != nil {
		return store.Job{}, err
	}
	if !m.retryFileOf(&j.Job) {
		return store.Job{}, api.Conflict
	}
	j.Job = next
	signal(m.jobsReady)
	return j.Job, nil
}

// DeleteJob implements store.Jobs.
func (m *Model) DeleteJob(_ context.Context, id string, force bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch j := m.jobs[id]; {
	case j == nil:
		return api.NotFound
	case !j.Status.Terminal(), !force && m.anyOpen(func(d *modelDelivery) bool { return d.JobID == id }):
		return api.Conflict
	}
	m.drop(id)
	return nil
}

func (m *Model) drop(id string) {
	delete(m.dedupe, m.jobs[id].Dedupe)
	m.giveUpBlob(m.jobs[id].Blob)
	delete(m.jobs, id)
	maps.DeleteFunc(m.deliveries, func(_ string, d *modelDelivery) bool { return d.JobID == id })
	m.events = slices.DeleteFunc(m.events, func(e store.Event) bool { return e.JobID == id })
}

// Recover implements store.Keeper.
func (m *Model) Recover(_ context.Context, node, run string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.jobs {
		if j.Status == api.Processing && store.EarlierRun(j.Owner, node, run) {
			j.EndLease()
			j.Requeue(m.now(), m.now(), true)
		}
	}
	for _, d := range m.deliveries {
		if d.Status == api.DeliveryInFlight && store.EarlierRun(d.Owner, node, run) {
			d.EndLease()
		}
	}
	return nil
}

// SetBack implements store.Keeper.
func (m *Model) SetBack(_ context.Context, by time.Duration) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	move := func(due *time.Time) {
		if sooner := store.Sooner(*due, m.now(), by); !sooner.Equal(*due) {
			*due = sooner
			n++
		}
	}
	for _, j := range m.jobs {
		if j.Job.SetBack(m.now(), by) {
			n++
		}
	}
	for _, d := range m.deliveries {
		if d.Delivery.SetBack(m.now(), by) {
			n++
		}
	}
	for _, w := range m.hooks {
		move(&w.NextArrival)
	}
	return n, nil
}

func (m *Model) sorted(f store.JobFilter) []store.Job {
	var all []store.Job
	for _, j := range m.jobs {
		if f.Passes(&j.Job) {
			all = append(all, j.Job)
		}
	}
	slices.SortFunc(all, func(a, b store.Job) int { return strings.Compare(b.ID, a.ID) })
	return all
}

// JobsPage implements store.Jobs.
func (m *Model) JobsPage(_ context.Context, f store.JobFilter, offset, limit int) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.sorted(f)
	offset = min(offset, len(all))
	return all[offset:min(offset+limit, len(all))], nil
}

// Job implements store.Jobs.
func (m *Model) Job(_ context.Context, id string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[id]; j != nil {
		return j.Job, nil
	}
	return store.Job{}, api.NotFound
}

// Result implements store.Jobs.
func (m *Model) Result(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[id]; j != nil && j.result != nil {
		return j.result, nil
	}
	return nil, api.NotFound
}

// Queues implements store.Queue.
func (m *Model) Queues(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]bool{}
	for _, j := range m.jobs {
		if !j.Status.Terminal() {
			names[j.Queue] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// NextJob implements store.Queue.
func (m *Model) NextJob(_ context.Context, except ...string) (time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var next time.Time
	for _, j := range m.jobs {
		if !j.Status.Terminal() && !slices.Contains(except, j.Queue) && (next.IsZero() || j.ReadyAt().Before(next)) {
			next = j.ReadyAt()
		}
	}
	return next, !next.IsZero(), nil
}

// CountJobs implements store.Jobs.
func (m *Model) CountJobs(context.Context) (map[api.JobStatus]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := map[api.JobStatus]int{api.Queued: 0, api.Processing: 0, api.Completed: 0, api.Failed: 0, api.Cancelled: 0, api.Interrupted: 0}
	for _, j := range m.jobs {
		n[j.Status]++
	}
	return n, nil
}
