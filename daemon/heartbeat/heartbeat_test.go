package heartbeat_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/daemon/heartbeat"
)

func TestCheck_passesALoopWithNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := heartbeat.New("idle")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			for {
				h.Tick()
				select {
				case <-h.Wake():
				case <-ctx.Done():
					return
				}
			}
		}()
		synctest.Wait()
		for range 3 {
			if err := h.Check(ctx); err != nil {
				t.Errorf("got %v, want nil", err)
			}
		}
	})
}

func TestCheck_namesALoopThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := heartbeat.New("claim jobs")
		h.Tick()
		for range 2 { // nobody takes what the first one left
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := h.Check(ctx)
			cancel()
			if err == nil || !strings.Contains(err.Error(), "claim jobs") {
				t.Errorf("got %v, want an error that names the loop", err)
			}
		}
	})
}

func TestWait_endsWithWhateverComesFirst(t *testing.T) {
	for name, come := range map[string]func(end func(), ready, freed, done chan struct{}, h *heartbeat.Heartbeat){
		"something is ready": func(_ func(), ready, _, _ chan struct{}, _ *heartbeat.Heartbeat) { ready <- struct{}{} },
		"a slot is free":     func(_ func(), _, freed, _ chan struct{}, _ *heartbeat.Heartbeat) { freed <- struct{}{} },
		"the end":            func(end func(), _, _, _ chan struct{}, _ *heartbeat.Heartbeat) { end() },
		"the end of a task":  func(_ func(), _, _, done chan struct{}, _ *heartbeat.Heartbeat) { close(done) },
		"a check": func(_ func(), _, _, _ chan struct{}, h *heartbeat.Heartbeat) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = h.Check(ctx) // nobody makes a turn any more
		},
		"the time": func(func(), chan struct{}, chan struct{}, chan struct{}, *heartbeat.Heartbeat) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const atMost = time.Hour
				h, start := heartbeat.New("idle"), time.Now()
				ctx, end := context.WithCancel(t.Context())
				defer end()
				ready, freed, done := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
				come(end, ready, freed, done, h)
				h.Wait(ctx, atMost, ready, freed, done)
				want := time.Duration(0)
				if name == "the time" {
					want = atMost
				}
				if got := time.Since(start); got != want {
					t.Errorf("got %v of waiting, want %v", got, want)
				}
			})
		})
	}
}
