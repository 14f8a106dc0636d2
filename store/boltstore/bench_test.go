//go:build unix

package boltstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/benchtest"
	"github.com/voxparse/voxparse/store"
)

func benchDB(b *testing.B) *DB {
	b.Helper()
	db, err := Open(b.Context(), b.TempDir(), Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

// cpu returns the CPU time of this process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// each runs work b.N times over so many goroutines, and reports the rate and
// the CPU time of one.
func each(b *testing.B, workers int, work func(context.Context) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	began := cpu(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := work(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "/s")
	b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
}

func BenchmarkSubmit(b *testing.B) {
	for _, workers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			db := benchDB(b)
			each(b, workers, func(ctx context.Context) error {
				_, _, err := db.Submit(ctx, benchJob())
				return err
			})
		})
	}
}

func benchJob() store.Job {
	return store.Job{
		ID:       store.NewID(api.JobPrefix),
		Source:   api.Source{Name: "call-2026-05-03.mp3", Size: 1 << 20, SHA256: "6ed41eda6e2cb6a2ccd5eb0d8ac5a1a4e4e7ad0cd6ee0d4f5c1f0a3f5f1f8e11"},
		Options:  api.Options{Language: "en", Model: "moonshine-tiny"},
		Metadata: []byte(`{"customer":"4711"}`),
		Blob:     store.NewID(""),
	}
}

func BenchmarkJobLife(b *testing.B) {
	for _, workers := range []int{1, 64} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			db := benchDB(b)
			each(b, workers, func(ctx context.Context) error {
				if _, _, err := db.Submit(ctx, benchJob()); err != nil {
					return err
				}
				jobs, err := db.Claim(ctx, store.QueueCommands, "bench", time.Minute, 1)
				if err != nil || len(jobs) == 0 {
					return err
				}
				j := jobs[0]
				ev := store.Event{ID: store.EventID(j.ID, 0, api.EventCompleted), Type: api.EventCompleted, Body: make([]byte, 2000)}
				_, err = db.Complete(ctx, j.Token(), make([]byte, 2000), ev)
				return err
			})
		})
	}
}

// benchHooks makes webhooks, and n deliveries that are due, evenly.
func benchHooks(b *testing.B, db *DB, hooks, n int) {
	b.Helper()
	ids := make([]string, hooks)
	for i := range ids {
		ids[i] = store.NewID(api.WebhookPrefix)
		_, err := db.CreateWebhook(b.Context(), store.Webhook{ID: ids[i], URL: "http://127.0.0.1/", Active: true, Secret: make([]byte, 100)}, 0)
		if err != nil {
			b.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i*hooks < n; i = int(next.Add(1)) - 1 {
				if _, _, err := db.Submit(b.Context(), benchJob()); err != nil {
					b.Error(err)
					return
				}
				jobs, err := db.Claim(b.Context(), store.QueueCommands, "bench", time.Minute, 1)
				if err != nil || len(jobs) != 1 {
					b.Error(jobs, err)
					return
				}
				ev := store.Event{ID: store.EventID(jobs[0].ID, 0, api.EventCompleted), Type: api.EventCompleted, Body: make([]byte, 2000)}
				if _, err := db.Complete(b.Context(), jobs[0].Token(), []byte("{}"), ev); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkDeliver claims and records deliveries as the daemon does: one
// claimer, and as many senders as may be in flight.
func BenchmarkDeliver(b *testing.B) {
	for _, hooks := range []int{1, 5, 32} {
		b.Run(fmt.Sprintf("hooks=%d", hooks), func(b *testing.B) {
			db := benchDB(b)
			benchHooks(b, db, hooks, b.N)
			began := cpu(b)
			b.ResetTimer()
			deliverAll(b, db, b.N, 8)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "/s")
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// deliverAll claims and records n deliveries, so many of one webhook at a time.
func deliverAll(b *testing.B, db *DB, n, perWebhook int) {
	work := make(chan store.ClaimedDelivery, 256)
	freed := make(chan struct{}, 256)
	var wg sync.WaitGroup
	for range 256 {
		wg.Go(func() {
			for c := range work {
				att := api.Attempt{StartedAt: time.Now(), DurationMS: 3, Status: 200,
					ResponseHeaders: map[string]string{"Content-Type": "text/plain", "Date": "Sun, 03 May 2026 12:00:00 GMT"}, ResponseBody: "ok"}
				if _, err := db.RecordAttempt(b.Context(), c.Delivery.Token(), att, store.Outcome{Status: api.DeliveryDelivered}); err != nil {
					b.Error(err)
				}
				freed <- struct{}{}
			}
		})
	}
	inflight := 0
	for done := 0; done < n; {
		got, err := db.ClaimDeliveries(b.Context(), "bench", time.Minute, min(256-inflight, n-done-inflight), perWebhook)
		if err != nil {
			b.Fatal(err)
		}
		inflight += len(got)
		for _, c := range got {
			work <- c
		}
		if inflight > 0 {
			<-freed
			inflight, done = inflight-1, done+1
		}
		for len(freed) > 0 {
			<-freed
			inflight, done = inflight-1, done+1
		}
	}
	close(work)
	wg.Wait()
}

// BenchmarkSync measures what the disk takes for a sync of one page, to read the
// other figures by.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "page"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, os.Getpagesize())
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	benchtest.Quantiles(b, took)
}
