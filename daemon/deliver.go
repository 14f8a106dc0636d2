package daemon

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

// Limits of the delivery loop.
const (
	inFlightTotal  = 256 // requests under way
	inFlightEach   = 8   // of one webhook
	inFlightShared = 192 // beyond these, only the first of each webhook

	// A webhook may have more claimed than in flight: while eight requests are
	// under way the next are claimed and the last recorded, so that network and
	// disk work at the same time and a commit holds many. How many depends on
	// how many webhooks there are: each must find room, however slow others are.
	claimedTotal = 2 * inFlightTotal
	claimedLeast = 2
	claimedMost  = 8 * inFlightEach

	deliveryLease = 5 * time.Minute
	leaseMargin   = 10 * time.Second // what must be left of a lease, besides the attempt's time limit
	sealedPause   = 30 * time.Second // before a webhook whose secret cannot be opened is served again
	localPause    = time.Second      // after an attempt that this machine spoilt
)

// deliver sends events to webhooks: it claims what is due, fairly, makes the
// attempts, and records what came of each.
type deliver struct {
	d        *Daemon
	sender   *webhook.Sender
	schedule webhook.Schedule

	wake    chan struct{}                // capacity 1: claim again
	batches chan []store.ClaimedDelivery // from the claimer to the scheduler
	over    chan ended                   // a request is over
	drop    chan string                  // a webhook whose waiting claims are stale
	claimed gauge                        // claimed and not yet recorded or released
	tasks   sync.WaitGroup
	senders senders
	claims  *heart // of the claimer
	sends   *heart // of the scheduler

	each    int         // how many a webhook may have claimed; the claimer's
	counted atomic.Bool // each holds: no webhook was added or changed since

	mu       sync.Mutex
	limiters map[string]*rate.Limiter // by webhook id
}

// lane is what one webhook has claimed and in flight. Only the scheduler
// touches it.
type lane struct {
	id       string
	waiting  []store.ClaimedDelivery
	inFlight int
	failures int  // in a row
	queued   bool // it has a place in the round
}

func newDeliver(d *Daemon) *deliver {
	v := &deliver{
		d: d, sender: d.opts.Sender, schedule: d.opts.Schedule, limiters: map[string]*rate.Limiter{},
		wake: make(chan struct{}, 1), batches: make(chan []store.ClaimedDelivery), over: make(chan ended, inFlightTotal), drop: make(chan string),
		senders: senders{work: make(chan func())}, claims: newHeart("claim deliveries"), sends: newHeart("send deliveries"),
	}
	if v.sender == nil {
		v.sender = webhook.NewSender(webhook.SenderOptions{Version: d.opts.Version})
	}
	if v.schedule == nil {
		v.schedule = webhook.DefaultSchedule
	}
	return v
}

// loop delivers until claim ends, and returns when nothing is in flight. The
// end of stop interrupts the requests; their deliveries are released.
func (v *deliver) loop(claim, stop context.Context) {
	defer v.sender.Close()
	defer v.tasks.Wait()
	defer v.senders.close()
	var claimer sync.WaitGroup
	claimer.Go(func() { v.claimer(claim) })
	v.scheduler(claim, stop)
	claimer.Wait()
}

// claimer claims what is due whenever there is something and room for it, and
// hands it to the scheduler.
func (v *deliver) claimer(ctx context.Context) {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		v.claims.beat()
		more, err := v.claimSome(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause = min(max(claimPause, 2*pause), claimRest)
			v.d.log.Error("claim deliveries", "error", err, "again_in", pause)
		default:
			pause = 0
		}
		if !more {
			v.sleep(ctx, pause)
		}
	}
}

// claimSome claims once. more reports that there may be more at once.
func (v *deliver) claimSome(ctx context.Context) (more bool, err error) {
	room := claimedTotal - v.claimed.value()
	if room <= 0 {
		return false, nil
	}
	batch, err := v.d.db.ClaimDeliveries(ctx, v.d.owner, deliveryLease, room, v.share(ctx))
	if err != nil || len(batch) == 0 {
		return false, err
	}
	v.claimed.add(len(batch))
	select {
	case v.batches <- batch:
		return len(batch) == room, nil
	case <-ctx.Done():
		v.releaseAll(context.WithoutCancel(ctx), batch)
		return false, nil
	}
}

// share is how many one webhook may have claimed.
func (v *deliver) share(ctx context.Context) int {
	if v.counted.Swap(true) {
		return v.each
	}
	hooks, err := v.d.db.Webhooks(ctx)
	if err != nil {
		v.counted.Store(false)
		return claimedLeast
	}
	active := 0
	for _, w := range hooks {
		if w.Active {
			active++
		}
	}
	v.each = min(max(claimedTotal/(active+1), claimedLeast), claimedMost)
	return v.each
}

// sleep waits until something may be claimable.
func (v *deliver) sleep(ctx context.Context, atLeast time.Duration) {
	idle, ready := longestIdle, v.d.db.DeliveriesReady()
	if next, ok, err := v.d.db.NextDelivery(ctx); err == nil && ok {
		idle = min(idle, max(time.Until(next), time.Millisecond))
	}
	if v.claimed.value() >= claimedTotal {
		idle, ready = longestIdle, nil // only a record makes room
	}
	if atLeast > 0 {
		idle, ready = atLeast, nil
	}
	timer := time.NewTimer(idle)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ready:
	case <-v.wake:
	case <-v.claims.nudge:
	case <-timer.C:
	}
}

// scheduler starts requests, going round the webhooks, until ctx ends and none
// is in flight.
func (v *deliver) scheduler(ctx, stop context.Context) {
	s := &schedule{v: v, stop: stop, lanes: map[string]*lane{}}
	done := ctx.Done()
	for done != nil || s.inFlight > 0 {
		v.sends.beat()
		select {
		case <-v.sends.nudge:
		case batch := <-v.batches:
			s.add(batch)
		case e := <-v.over:
			s.ended(e)
		case id := <-v.drop:
			s.forget(id)
		case <-done:
			done = nil
			for id := range s.lanes {
				s.forget(id)
			}
		}
		s.start()
	}
}

// forget gives back what is claimed for a webhook and not under way, because
// the webhook has changed since it was claimed.
func (v *deliver) forget(id string) {
	v.counted.Store(false)
	v.mu.Lock()
	delete(v.limiters, id)
	v.mu.Unlock()
	select {
	case v.drop <- id:
	case <-v.d.stop:
	case <-v.d.halted:
	}
}

// admit is the rate limit of a webhook: see store.Options.Admit.
func (v *deliver) admit(w store.Webhook) time.Duration {
	if w.RateLimit <= 0 {
		return 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.limiters[w.ID]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(w.RateLimit), burst(w.RateLimit))
		v.limiters[w.ID] = l
	}
	if l.Limit() != rate.Limit(w.RateLimit) {
		l.SetLimit(rate.Limit(w.RateLimit))
		l.SetBurst(burst(w.RateLimit))
	}
	r := l.Reserve()
	wait := r.Delay()
	if wait > 0 {
		r.Cancel()
	}
	return wait
}

// burst lets a webhook have at once what it may have in a tenth of a second.
func burst(perSecond float64) int { return max(1, int(perSecond/10)) }

// releaseAll gives claims back, uncharged.
func (v *deliver) releaseAll(ctx context.Context, batch []store.ClaimedDelivery) {
	for _, c := range batch {
		v.release(ctx, c)
	}
}

func (v *deliver) release(ctx context.Context, c store.ClaimedDelivery) {
	err := v.d.db.ReleaseDelivery(ctx, c.Delivery.Token())
	if err != nil && !errors.Is(err, api.LeaseLost) && !errors.Is(err, api.NotFound) {
		v.d.log.Error("release a delivery", "delivery", c.Delivery.ID, "error", err) // its lease runs out by itself
	}
	v.settled()
}

// settled notes that a claim is recorded or released, and makes room.
func (v *deliver) settled() {
	v.claimed.add(-1)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// outcome decides what an attempt means for its delivery.
func (v *deliver) outcome(c store.ClaimedDelivery, att api.Attempt, end time.Time) store.Outcome {
	if webhook.Delivered(att) {
		return store.Outcome{State: api.DeliveryDelivered}
	}
	if at, again := v.schedule.Next(c.Delivery.Attempts+1, end, att, rand.Float64); again {
		return store.Outcome{State: api.DeliveryPending, RetryAt: at}
	}
	return store.Outcome{State: api.DeliveryFailed, Gone: att.Status == statusGone}
}
