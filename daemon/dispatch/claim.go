package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
	"github.com/voxparse/voxparse/store"
)

// claimLoop claims what is due whenever there is something and room for it, and
// hands it to the scheduler.
func (d *Dispatcher) claimLoop(ctx context.Context) {
	waits := storeBackoff.Start()
	for ctx.Err() == nil {
		d.claims.Tick()
		room := claimedTotal - int(d.claimed.Load())
		if room <= 0 {
			d.claims.Wait(ctx, longestIdle, d.wake, nil, nil) // only a record makes room
			continue
		}
		batch, err := d.claimSome(ctx, room)
		if len(batch) > 0 {
			d.handOver(ctx, batch)
		}
		if err == nil {
			waits.Reset()
		} else if ctx.Err() == nil {
			pause := waits.Next()
			d.log.Error("claim deliveries", "error", err, "again_in", pause)
			d.claims.Wait(ctx, pause, nil, nil, nil)
		}
	}
}

// claimSome claims up to room deliveries. It waits for them until it is better to
// ask again, and then returns none.
func (d *Dispatcher) claimSome(ctx context.Context, room int) (batch []store.ClaimedDelivery, err error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	each, claimed := d.perWebhook(ctx), make(chan struct{})
	select {
	case <-d.cfg.Outbox.DeliveriesReady(): // what it told of is claimed now
	default:
	}
	go func() {
		defer close(claimed)
		batch, err = d.cfg.Outbox.AwaitDeliveries(waiting, d.cfg.Owner, leaseTime, room, each)
	}()
	for again := false; !again && !retry.Closed(claimed); d.claims.Tick() {
		again = d.sleep(ctx, each, claimed) || ctx.Err() != nil || room < claimedTotal/2 && d.claimed.Load() < claimedTotal/2
	}
	cancel()
	if <-claimed; len(batch) == 0 && err == nil && ctx.Err() == nil {
		d.sleep(ctx, each, nil) // a store need not wait
	}
	return batch, err
}

// handOver gives the scheduler what was claimed.
func (d *Dispatcher) handOver(ctx context.Context, batch []store.ClaimedDelivery) {
	d.claimed.Add(int64(len(batch)))
	select {
	case d.batches <- batch:
	case <-ctx.Done():
		d.releaseAll(context.WithoutCancel(ctx), batch)
	}
}

// perWebhook is how many one webhook may have claimed.
func (d *Dispatcher) perWebhook(ctx context.Context) int {
	if d.counted.Swap(true) {
		return d.share
	}
	hooks, err := d.cfg.Webhooks.Webhooks(ctx)
	if err != nil {
		d.counted.Store(false)
		return claimedLeast // the claim says why
	}
	active := 0
	for _, w := range hooks {
		if w.Active {
			active++
		}
	}
	d.share = min(max(claimedTotal/(active+1), claimedLeast), claimedMost)
	return d.share
}

// overdue is how long something that is due may stay unclaimed before the store
// is asked anew.
const overdue = 50 * time.Millisecond

// sleep waits until something may have changed. due reports that a delivery has
// become due by the clock, which ends no wait of the store.
func (d *Dispatcher) sleep(ctx context.Context, each int, claimed <-chan struct{}) (due bool) {
	next, ok, err := d.cfg.Outbox.NextDelivery(ctx, each)
	if err != nil || !ok {
		d.claims.Wait(ctx, longestIdle, d.cfg.Outbox.DeliveriesReady(), d.wake, claimed)
		return false
	}
	wait := time.Until(next)
	if wait <= 0 {
		wait, next = overdue, time.Now().Add(overdue)
	}
	d.claims.Wait(ctx, min(wait, longestIdle), d.cfg.Outbox.DeliveriesReady(), d.wake, claimed)
	return !time.Now().Before(next)
}

// releaseAll releases claims, uncharged.
func (d *Dispatcher) releaseAll(ctx context.Context, batch []store.ClaimedDelivery) {
	for _, c := range batch {
		d.release(ctx, c)
	}
}

func (d *Dispatcher) release(ctx context.Context, c store.ClaimedDelivery) {
	err := d.cfg.Outbox.ReleaseDelivery(ctx, c.Delivery.Token())
	if err != nil && !errors.Is(err, api.LeaseLost) && !errors.Is(err, api.NotFound) {
		d.log.Error("release a delivery", "delivery", c.Delivery.ID, "error", err) // its lease runs out by itself
	}
	d.makeRoom()
}

// makeRoom notes that a claim is recorded or released.
func (d *Dispatcher) makeRoom() {
	d.claimed.Add(-1)
	notify(d.wake)
}
