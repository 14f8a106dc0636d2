package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// claimLoop claims what is due whenever there is something and room for it, and
// hands it to the scheduler.
func (d *Dispatcher) claimLoop(ctx context.Context) {
	waits := storeBackoff.Start()
	for ctx.Err() == nil {
		d.claims.Tick()
		more, err := d.claimSome(ctx)
		pause := time.Duration(0)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause = waits.Next()
			d.log.Error("claim deliveries", "error", err, "again_in", pause)
		default:
			waits.Reset()
		}
		if !more {
			d.sleep(ctx, pause)
		}
	}
}

// claimSome claims once. more reports that there may be more at once.
func (d *Dispatcher) claimSome(ctx context.Context) (more bool, err error) {
	room := claimedTotal - int(d.claimed.Load())
	if room <= 0 {
		return false, nil
	}
	batch, err := d.cfg.Outbox.ClaimDeliveries(ctx, d.cfg.Owner, leaseTime, room, d.perWebhook(ctx))
	if err != nil || len(batch) == 0 {
		return false, err
	}
	d.claimed.Add(int64(len(batch)))
	select {
	case d.batches <- batch:
		return len(batch) == room, nil
	case <-ctx.Done():
		d.releaseAll(context.WithoutCancel(ctx), batch)
		return false, nil
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

// sleep waits until something may be claimable.
func (d *Dispatcher) sleep(ctx context.Context, atLeast time.Duration) {
	idle, ready := longestIdle, d.cfg.Outbox.DeliveriesReady()
	if next, ok, err := d.cfg.Outbox.NextDelivery(ctx, d.perWebhook(ctx)); err == nil && ok {
		idle = min(idle, max(time.Until(next), time.Millisecond))
	}
	if d.claimed.Load() >= claimedTotal {
		idle, ready = longestIdle, nil // only a record makes room
	}
	if atLeast > 0 {
		idle, ready = atLeast, nil
	}
	d.claims.Wait(ctx, idle, ready, d.wake)
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
