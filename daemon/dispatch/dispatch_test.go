package dispatch_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/store"
)

// deliveryLog finds deliveries in chunks of one.
type deliveryLog struct {
	left int
	err  error
}

func (l *deliveryLog) Replay(context.Context, string, time.Time, time.Time, []api.DeliveryStatus, int) (int, bool, error) {
	if l.err != nil {
		return 0, false, l.err
	}
	l.left--
	return 1, l.left > 0, nil
}

func TestReplays_goThroughTheLog(t *testing.T) {
	stopping := make(chan struct{})
	close(stopping)
	boom := errors.New("boom")
	for _, c := range []struct {
		name     string
		log      deliveryLog
		stopping chan struct{}
		want     int
		err      error
	}{
		{"to its end", deliveryLog{left: 3}, make(chan struct{}), 3, nil},
		{"until the stop", deliveryLog{left: 3}, stopping, 1, nil},
		{"until an error", deliveryLog{err: boom}, make(chan struct{}), 0, boom},
		{"of a webhook that is gone", deliveryLog{err: api.NotFound}, make(chan struct{}), 0, api.NotFound},
	} {
		r, err := dispatch.NewReplay("whk_1", api.ReplayRequest{Since: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		rs := &dispatch.Replays{Log: &c.log, Stopping: c.stopping, Logger: slog.New(slog.DiscardHandler)}
		got, err := rs.Start(t.Context(), r)
		if got.Deliveries != c.want || got.More || !errors.Is(err, c.err) {
			t.Errorf("%s: got %+v, %v, want %d and %v", c.name, got, err, c.want, c.err)
		}
		rs.Wait()
	}
}

func TestNewReplay_refusesStatusesThatAreNoEnd(t *testing.T) {
	if _, err := dispatch.NewReplay("whk_1", api.ReplayRequest{Statuses: []string{"pending"}}); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v, want invalid", err)
	}
	if _, err := dispatch.NewReplay("whk_1", api.ReplayRequest{Statuses: []string{"delivered", "cancelled"}}); err != nil {
		t.Errorf("got %v, want it accepted", err)
	}
}

// register is a register of temporary webhooks.
type register struct {
	mu    sync.Mutex
	hooks []store.Webhook
	gone  []string
}

func (r *register) Webhooks(context.Context) ([]store.Webhook, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hooks, nil
}

func (r *register) DeleteWebhook(_ context.Context, id string, _ bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = append(r.gone, id)
	return nil
}

func (r *register) removed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.gone...)
}

func TestLeases_removeWhatNobodyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &register{hooks: []store.Webhook{
			{ID: "whk_left", Temporary: true, CreatedAt: time.Now()}, {ID: "whk_taken", Temporary: true, CreatedAt: time.Now()}, {ID: "whk_kept", CreatedAt: time.Now()},
		}}
		dropped := 0
		l := dispatch.NewLeases(dispatch.LeaseConfig{Webhooks: r, Drop: func(string) { dropped++ }, Stopping: make(chan struct{}), Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		l.Take("whk_taken")
		l.Take("whk_taken")
		go l.Run(ctx)
		time.Sleep(time.Minute)
		if got := r.removed(); len(got) != 1 || got[0] != "whk_left" || dropped != 1 {
			t.Errorf("got %v removed and %d dropped, want whk_left alone", got, dropped)
		}
		l.Return(ctx, "whk_taken")
		if got := r.removed(); len(got) != 1 {
			t.Errorf("got %v removed while there is another lease", got)
		}
		l.Return(ctx, "whk_taken")
		if got := r.removed(); len(got) != 2 || got[1] != "whk_taken" {
			t.Errorf("got %v removed after the last lease, want whk_taken too", got)
		}
		cancel()
		synctest.Wait()
	})
}

func TestTimeout(t *testing.T) {
	if got := dispatch.Timeout(store.Webhook{}); got != 15*time.Second {
		t.Errorf("got %v, want 15 s", got)
	}
	if got := dispatch.Timeout(store.Webhook{Timeout: time.Minute}); got != time.Minute {
		t.Errorf("got %v, want a minute", got)
	}
}
