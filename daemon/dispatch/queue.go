package dispatch

import (
	"context"

	"github.com/voxparse/voxparse/store"
)

// failuresToSlow is how many failures in a row leave a webhook one request at
// a time.
const failuresToSlow = 5

// queue is what one webhook has claimed and in flight. Only the scheduler
// touches it.
type queue struct {
	webhook  string
	waiting  []store.ClaimedDelivery
	inFlight int
	failures int  // in a row
	ready    bool // it is in the ready list
}

// ended is a request that is over.
type ended struct {
	queue     *queue
	delivered bool
	gone      bool // the receiver wants no more
}

// scheduler decides which webhook has its turn next.
type scheduler struct {
	d        *Dispatcher
	stop     context.Context // of the requests
	queues   map[string]*queue
	ready    []*queue // those with something waiting, the next one first
	inFlight int
}

// schedule starts requests, going round the webhooks, until ctx ends and none
// is in flight.
func (d *Dispatcher) schedule(ctx, stop context.Context) {
	s := &scheduler{d: d, stop: stop, queues: map[string]*queue{}}
	done := ctx.Done()
	for done != nil || s.inFlight > 0 {
		d.sends.Tick()
		select {
		case <-d.sends.Wake():
		case batch := <-d.batches:
			s.add(batch)
		case e := <-d.over:
			s.ended(e)
		case <-d.dropped:
		case <-done:
			done = nil
			for id := range s.queues {
				s.drop(id)
			}
		}
		for id := range d.takeDropped() {
			s.drop(id)
		}
		s.start()
	}
}

// add puts claims into the queues of their webhooks.
func (s *scheduler) add(batch []store.ClaimedDelivery) {
	for _, c := range batch {
		q := s.queues[c.Webhook.ID]
		if q == nil {
			q = &queue{webhook: c.Webhook.ID}
			s.queues[q.webhook] = q
		}
		q.waiting = append(q.waiting, c)
		s.enlist(q)
	}
}

// enlist puts a queue at the end of the ready list, if it may send.
func (s *scheduler) enlist(q *queue) {
	if !q.ready && len(q.waiting) > 0 && q.inFlight < inFlightEach {
		q.ready = true
		s.ready = append(s.ready, q)
	}
}

// ended notes that a request of a queue is over. Of a receiver that fails time
// after time, what waits is released: the store then claims one at a time.
func (s *scheduler) ended(e ended) {
	q := e.queue
	q.inFlight--
	s.inFlight--
	q.failures++
	if e.delivered {
		q.failures = 0
	}
	if q.failures >= failuresToSlow || e.gone {
		s.drop(q.webhook)
	}
	s.enlist(q)
	s.prune(q)
}

// prune removes a queue that has nothing left.
func (s *scheduler) prune(q *queue) {
	if q.inFlight == 0 && len(q.waiting) == 0 && !q.ready {
		delete(s.queues, q.webhook)
	}
}

// drop releases what waits in a queue.
func (s *scheduler) drop(webhookID string) {
	q := s.queues[webhookID]
	if q == nil || len(q.waiting) == 0 {
		return
	}
	stale := q.waiting
	q.waiting = nil
	ctx := context.WithoutCancel(s.stop)
	s.d.tasks.Go(func() { s.d.releaseAll(ctx, stale) })
}

// start begins requests while there is room, one webhook after the other. The
// last of the room is for webhooks that have none under way, so that many slow
// ones do not keep a quick one out.
func (s *scheduler) start() {
	for passed := 0; s.inFlight < inFlightTotal && passed < len(s.ready); {
		q := s.ready[0]
		s.ready = s.ready[1:]
		if q.inFlight > 0 && s.inFlight >= inFlightShared {
			s.ready = append(s.ready, q)
			passed++
			continue
		}
		q.ready = false
		if len(q.waiting) == 0 {
			s.prune(q)
			continue
		}
		c := q.waiting[0]
		q.waiting[0] = store.ClaimedDelivery{}
		q.waiting = q.waiting[1:]
		q.inFlight++
		s.inFlight++
		s.enlist(q)
		s.d.workers.do(&s.d.tasks, func() { s.d.attempt(s.stop, q, c) })
	}
	if len(s.ready) == 0 {
		s.ready = nil
	}
}
