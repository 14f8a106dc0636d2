package feed

import "github.com/voxparse/voxparse/api"

// Subscription waits for news of one job.
type Subscription struct {
	feed  *Feed
	jobID string
	ready chan struct{} // capacity 1: there is something to take

	// Guarded by feed.mu.
	event api.JobEvent // the latest
	fresh bool         // it was not taken yet
}

// Ready returns a channel that yields a value when there may be something to
// take.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Take returns the latest event, once.
func (s *Subscription) Take() (api.JobEvent, bool) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if !s.fresh {
		return api.JobEvent{}, false
	}
	s.fresh = false
	return s.event, true
}

// Close ends the subscription.
func (s *Subscription) Close() {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs[s.jobID], s)
	if len(f.subs[s.jobID]) == 0 {
		delete(f.subs, s.jobID)
	}
}

// put notes what happened. It needs the feed's lock.
func (s *Subscription) put(kind string, job api.Job) {
	if s.fresh && s.event.Job.Status.Terminal() && !job.Status.Terminal() {
		return
	}
	if s.fresh && s.event.Type == Status {
		kind = Status
	}
	s.event, s.fresh = api.JobEvent{Type: kind, Job: job}, true
	select {
	case s.ready <- struct{}{}:
	default:
	}
}
