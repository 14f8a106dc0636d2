package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// extensions is a queue whose leases are lost at the third renewal.
type extensions struct {
	store.Queue
	percent []float64
}

func (e *extensions) Extend(_ context.Context, _ store.Token, _ time.Duration, p api.Progress) error {
	if e.percent = append(e.percent, p.Percent); len(e.percent) == 3 {
		return api.LeaseLost
	}
	return nil
}

func TestRenew_recordsProgressUntilTheLeaseIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := &extensions{}
		r := &Runner{cfg: Config{Queue: queue}, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancelCause(t.Context())
		r.renew(ctx, &run{cancel: cancel, progress: api.Progress{Stage: "transcribe", Percent: 40}})
		if want := []float64{40, 40, 40}; !slices.Equal(queue.percent, want) {
			t.Errorf("recorded: got %v, want %v", queue.percent, want)
		}
		if cause := context.Cause(ctx); !errors.Is(cause, errLeaseLost) {
			t.Errorf("why the run ended: got %v, want %v", cause, errLeaseLost)
		}
	})
}
