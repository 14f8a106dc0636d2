package clock_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/daemon/clock"
)

func TestWatch_tellsHowFarTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var off atomic.Int64
		var told []time.Duration
		began := time.Now()
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			clock.Watch(ctx, clock.Config{
				Back: func(_ context.Context, by time.Duration) { told = append(told, by) },
				Now:  func() (time.Time, time.Duration) { return time.Now().Add(time.Duration(off.Load())), time.Since(began) },
			})
		}()
		for _, jump := range []time.Duration{0, -24 * time.Hour, 0, time.Second, -time.Second, 365 * 24 * time.Hour, -6 * time.Second} {
			time.Sleep(15 * time.Second)
			synctest.Wait()
			off.Add(int64(jump))
		}
		time.Sleep(15 * time.Second)
		end()
		<-ended
		if want := []time.Duration{24 * time.Hour, 6 * time.Second}; !slices.Equal(told, want) {
			t.Errorf("got %v, want %v: neither small corrections nor the way forward", told, want)
		}
	})
}

func TestWatch_theMachinesClockStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		clock.Watch(ctx, clock.Config{Every: time.Second, Back: func(_ context.Context, by time.Duration) { t.Errorf("got a jump of %s", by) }})
	})
}
