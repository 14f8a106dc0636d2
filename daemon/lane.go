package daemon

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

const statusGone = http.StatusGone

// failuresToSlow is how many failures in a row leave a webhook one request at
// a time.
const failuresToSlow = 5

// ended is a request that is over.
type ended struct {
	lane      *lane
	delivered bool
	gone      bool // the receiver wants no more
}

// gauge is a number that several goroutines change.
type gauge struct{ n atomic.Int64 }

func (g *gauge) add(n int)  { g.n.Add(int64(n)) }
func (g *gauge) value() int { return int(g.n.Load()) }

// schedule is the scheduler's own state: which webhook is next.
type schedule struct {
	v        *deliver
	stop     context.Context // of the requests
	lanes    map[string]*lane
	round    []*lane // those that have something waiting, the next one first
	inFlight int
}

// add puts claims into the lanes of their webhooks.
func (s *schedule) add(batch []store.ClaimedDelivery) {
	for _, c := range batch {
		l := s.lanes[c.Webhook.ID]
		if l == nil {
			l = &lane{id: c.Webhook.ID}
			s.lanes[l.id] = l
		}
		l.waiting = append(l.waiting, c)
		s.enqueue(l)
	}
}

func (s *schedule) enqueue(l *lane) {
	if !l.queued && len(l.waiting) > 0 && l.inFlight < inFlightEach {
		l.queued = true
		s.round = append(s.round, l)
	}
}

// ended notes that a request of a lane is over. A receiver that fails time
// after time gives back what waits: the store then claims one at a time.
func (s *schedule) ended(e ended) {
	l := e.lane
	l.inFlight--
	s.inFlight--
	l.failures++
	if e.delivered {
		l.failures = 0
	}
	if l.failures >= failuresToSlow || e.gone {
		s.forget(l.id)
	}
	s.enqueue(l)
	s.tidy(l)
}

// tidy forgets a lane that has nothing left.
func (s *schedule) tidy(l *lane) {
	if l.inFlight == 0 && len(l.waiting) == 0 && !l.queued {
		delete(s.lanes, l.id)
	}
}

// forget gives back what waits in a lane.
func (s *schedule) forget(id string) {
	l := s.lanes[id]
	if l == nil || len(l.waiting) == 0 {
		return
	}
	stale := l.waiting
	l.waiting = nil
	ctx := context.WithoutCancel(s.stop)
	s.v.tasks.Go(func() { s.v.releaseAll(ctx, stale) })
}

// start begins requests while there is room, one webhook after the other. The
// last places are for webhooks that have none under way, so that many slow
// ones do not keep a quick one out.
func (s *schedule) start() {
	for passed := 0; s.inFlight < inFlightTotal && passed < len(s.round); {
		l := s.round[0]
		s.round = s.round[1:]
		if l.inFlight > 0 && s.inFlight >= inFlightShared {
			s.round = append(s.round, l)
			passed++
			continue
		}
		l.queued = false
		if len(l.waiting) == 0 {
			s.tidy(l)
			continue
		}
		c := l.waiting[0]
		l.waiting[0] = store.ClaimedDelivery{}
		l.waiting = l.waiting[1:]
		l.inFlight++
		s.inFlight++
		s.enqueue(l)
		s.v.senders.do(&s.v.tasks, func() { s.v.attempt(s.stop, l, c) })
	}
	if len(s.round) == 0 {
		s.round = nil
	}
}

// senders are goroutines that outlive one attempt: a fresh one would grow its
// stack anew each time.
type senders struct{ work chan func() }

// senderIdle is how long a sender waits for more to do.
const senderIdle = 10 * time.Second

// do runs fn in a sender that is idle, or in a new one.
func (s *senders) do(tasks *sync.WaitGroup, fn func()) {
	select {
	case s.work <- fn:
		return
	default:
	}
	tasks.Go(func() {
		idle := time.NewTimer(senderIdle)
		defer idle.Stop()
		for {
			fn()
			idle.Reset(senderIdle)
			select {
			case next, ok := <-s.work:
				if !ok {
					return
				}
				fn = next
			case <-idle.C:
				return
			}
		}
	})
}

// close lets the idle senders end. Nothing is given to do any more.
func (s *senders) close() { close(s.work) }

// attempt makes one request and records what came of it. The place in flight
// is free as soon as the request is over.
func (v *deliver) attempt(ctx context.Context, l *lane, c store.ClaimedDelivery) {
	att, err := v.post(ctx, c)
	end := time.Now()
	switch { // our own fault: the webhook waits, uncharged
	case errors.Is(err, errNotSent):
		v.rest(ctx, sealedPause)
	case att.ErrorKind == api.AttemptLocal && ctx.Err() == nil:
		v.d.log.Warn("an attempt was spoilt by this machine; it does not count", "webhook", c.Webhook.ID, "error", att.Error, "again_in", localPause)
		v.rest(ctx, localPause)
	}
	v.over <- ended{l, webhook.Delivered(att), att.Status == statusGone}
	ctx = context.WithoutCancel(ctx)
	if err != nil || att.ErrorKind == api.AttemptLocal {
		if err != nil && !errors.Is(err, errLeaseShort) {
			v.d.log.Error("an event cannot be sent", "webhook", c.Webhook.ID, "error", err)
		}
		v.release(ctx, c)
		return
	}
	v.record(ctx, c, att, end)
}

func (v *deliver) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-v.d.stop:
	}
}

// Reasons for which an attempt was not made.
var (
	errNotSent    = errors.New("nothing was sent")
	errLeaseShort = errors.New("too little is left of the lease")
)

// post signs and sends one event.
func (v *deliver) post(ctx context.Context, c store.ClaimedDelivery) (api.Attempt, error) {
	hook := c.Webhook
	now := time.Now()
	if c.Delivery.LeaseUntil.Sub(now) < timeoutOf(hook)+leaseMargin {
		return api.Attempt{}, errLeaseShort
	}
	s := webhook.Signing{Now: now, EventID: c.Event.ID, EventType: c.Event.Type, AttemptID: c.AttemptID, Attempt: c.Delivery.Attempts + 1}
	secret, err := v.d.vault.Open(hook.Secret, hook.ID)
	if err != nil {
		return api.Attempt{}, errors.Join(errNotSent, err)
	}
	s.Secret = string(secret)
	if len(hook.PreviousSecret) > 0 && hook.PreviousUntil.After(now) {
		previous, err := v.d.vault.Open(hook.PreviousSecret, hook.ID)
		if err != nil {
			return api.Attempt{}, errors.Join(errNotSent, err)
		}
		s.Previous = string(previous)
	}
	header := make(http.Header, 12)
	if err := webhook.Sign(header, c.Event.Body, s); err != nil {
		return api.Attempt{}, errors.Join(errNotSent, err)
	}
	target := webhook.Target{URL: hook.URL, Timeout: timeoutOf(hook), AllowPrivate: hook.AllowPrivate}
	att := v.sender.Send(ctx, target, header, c.Event.Body)
	att.ID, att.Number = c.AttemptID, s.Attempt
	return att, nil
}

// record commits an attempt. While there is no space it waits and tries again:
// an attempt that is not in the log was never made.
func (v *deliver) record(ctx context.Context, c store.ClaimedDelivery, att api.Attempt, end time.Time) {
	defer v.settled()
	defer v.d.attempted.ring()
	out := v.outcome(c, att, end)
	v.d.metrics.attempt(out.State, att)
	for pause := commitPause; ; pause = min(2*pause, commitRest) {
		disabled, err := v.d.db.RecordAttempt(ctx, c.Delivery.Token(), att, out)
		switch {
		case err == nil:
			v.noteDisabled(c.Webhook, disabled)
			return
		case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
			v.d.log.Info("an attempt came too late to be recorded", "delivery", c.Delivery.ID)
			return
		case !errors.Is(err, api.Unavailable), v.d.failed(), v.stopping():
			v.d.log.Error("record an attempt", "delivery", c.Delivery.ID, "error", err) // it will be made again
			return
		}
		v.d.log.Error("an attempt's record has to wait", "delivery", c.Delivery.ID, "error", err, "again_in", pause)
		v.rest(ctx, pause)
	}
}

func (v *deliver) stopping() bool {
	select {
	case <-v.d.halted:
		return true
	default:
		return *v.d.state.Load() == stateStopping
	}
}

func (v *deliver) noteDisabled(w store.Webhook, reason string) {
	if reason == "" {
		return
	}
	v.forget(w.ID)
	v.d.metrics.disabled.Inc()
	v.d.log.Warn("webhook disabled; what waits for it is held", "webhook", w.ID, "reason", reason, "cure", "voxparse webhooks enable "+w.ID)
}
