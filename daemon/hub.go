package daemon

import (
	"sync"

	"github.com/voxparse/voxparse/api"
)

// hub tells those who wait for a job what happens to it: synchronous
// submitters and event streams. It keeps the latest state alone, so that a
// slow listener costs nothing and misses no more than steps in between.
type hub struct {
	mu   sync.Mutex
	subs map[string]map[*listener]struct{} // by job id
}

// listener waits for one job.
type listener struct {
	hub   *hub
	jobID string
	ready chan struct{} // capacity 1: there is something to take
	event api.JobEvent  // the latest; guarded by hub.mu
	fresh bool
}

func newHub() *hub { return &hub{subs: map[string]map[*listener]struct{}{}} }

// join starts to listen to a job, which need not exist yet. The caller leaves.
func (h *hub) join(jobID string) *listener {
	l := &listener{hub: h, jobID: jobID, ready: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs[jobID] == nil {
		h.subs[jobID] = map[*listener]struct{}{}
	}
	h.subs[jobID][l] = struct{}{}
	return l
}

func (l *listener) leave() {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs[l.jobID], l)
	if len(h.subs[l.jobID]) == 0 {
		delete(h.subs, l.jobID)
	}
}

// wanted reports whether anybody listens to a job.
func (h *hub) wanted(jobID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs[jobID]) > 0
}

// publish tells every listener of a job its new state. A change of status that
// a listener has not taken yet stays one when progress overtakes it.
func (h *hub) publish(kind string, job api.Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.subs[job.ID] {
		if l.fresh && l.event.Job.Status.Terminal() && !job.Status.Terminal() {
			continue
		}
		if l.fresh && l.event.Type == eventStatus {
			kind = eventStatus
		}
		l.event, l.fresh = api.JobEvent{Type: kind, Job: job}, true
		select {
		case l.ready <- struct{}{}:
		default:
		}
	}
}

// take returns the latest event, once.
func (l *listener) take() (api.JobEvent, bool) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if !l.fresh {
		return api.JobEvent{}, false
	}
	l.fresh = false
	return l.event, true
}

// Kinds of an api.JobEvent.
const (
	eventStatus   = "status"
	eventProgress = "progress"
)
