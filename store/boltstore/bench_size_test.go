//go:build unix

package boltstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// benchRows is the size of the large benchmarks: 20,000 rows, or what
// VOXPARSE_BENCH_ROWS says.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("VOXPARSE_BENCH_ROWS")); err == nil {
		return n
	}
	return 20_000
}

// inChunks runs make n times, so many to a commit.
func inChunks(b *testing.B, db *DB, n int, make func(*tx) error) {
	b.Helper()
	for done := 0; done < n; {
		chunk := min(1000, n-done)
		err := db.update(b.Context(), func(t *tx) error {
			for range chunk {
				if err := make(t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		done += chunk
	}
}

// endedJob makes a completed job with its event and deliveries.
func endedJob(t *tx) error {
	r, _, err := t.submit(benchJob())
	if err != nil {
		return err
	}
	ev := store.Event{ID: store.EventID(r.ID, 0, api.EventCompleted), Type: api.EventCompleted, Body: make([]byte, 500)}
	return t.complete(r, make([]byte, 500), ev)
}

// BenchmarkManyJobs opens and lists a store of benchRows completed jobs, and
// works in it. Its first line is the size of the file.
func BenchmarkManyJobs(b *testing.B) {
	dir := b.TempDir()
	db, err := Open(b.Context(), dir, Config{})
	if err != nil {
		b.Fatal(err)
	}
	rows := benchRows()
	inChunks(b, db, rows, endedJob)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("open/rows=%d", rows), func(b *testing.B) {
		for b.Loop() {
			db, err := Open(b.Context(), dir, Config{})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		n, err := size(filepath.Join(dir, FileName))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n)/float64(rows), "file-B/job")
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := Check(filepath.Join(dir, FileName)); err != nil {
				b.Fatal(err)
			}
		}
	})
	if db, err = Open(b.Context(), dir, Config{}); err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for name, list := range map[string]func() (int, error){
		"newest20": func() (int, error) {
			js, err := db.JobsPage(b.Context(), store.JobFilter{}, 0, 20)
			return len(js), err
		},
		"completed20": func() (int, error) {
			js, err := db.JobsPage(b.Context(), store.JobFilter{Status: api.Completed}, 0, 20)
			return len(js), err
		},
		"offset10000": func() (int, error) {
			js, err := db.JobsPage(b.Context(), store.JobFilter{}, 10_000, 20)
			return len(js), err
		},
		"count": func() (int, error) { n, err := db.CountJobs(b.Context()); return min(n[api.Completed], 20), err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := list(); err != nil || n != 20 {
					b.Fatalf("%s: got %d, error %v", name, n, err)
				}
			}
		})
	}
	b.Run("since", func(b *testing.B) {
		for b.Loop() {
			if js, err := db.JobsPage(b.Context(), store.JobFilter{Since: time.Now().Add(48 * time.Hour)}, 0, 20); err != nil || len(js) != 0 {
				b.Fatalf("since: got %d, error %v", len(js), err)
			}
		}
	})
	b.Run("submit", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := db.Submit(b.Context(), benchJob()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLogGrowth fills the delivery log with benchRows attempts of one
// webhook, and then reads it, adds to it and purges it.
func BenchmarkLogGrowth(b *testing.B) {
	db := benchDB(b)
	hook := store.NewID(api.WebhookPrefix)
	if _, err := db.CreateWebhook(b.Context(), store.Webhook{ID: hook, Active: true}, 0); err != nil {
		b.Fatal(err)
	}
	rows := benchRows()
	att := api.Attempt{StartedAt: time.Now(), DurationMS: 4, Status: 200, ResponseHeaders: map[string]string{"Content-Type": "text/plain"}, ResponseBody: "ok"}
	out := store.Outcome{Status: api.DeliveryDelivered}
	inChunks(b, db, rows, func(t *tx) error {
		if err := endedJob(t); err != nil {
			return err
		}
		cs, err := t.claimDeliveries("bench", time.Minute, 1, 8)
		if err != nil || len(cs) != 1 {
			return fmt.Errorf("claim: got %d, error %w", len(cs), err)
		}
		r, _, err := t.leasedDelivery(cs[0].Delivery.Token())
		if err != nil {
			return err
		}
		t.recordAttempt(r, att, out)
		return nil
	})
	n, err := size(db.path)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("newest20/rows=%d", rows), func(b *testing.B) {
		for b.Loop() {
			if ds, _, err := db.Deliveries(b.Context(), store.DeliveryFilter{Webhook: hook}, "", 20); err != nil || len(ds) != 20 {
				b.Fatal(len(ds), err)
			}
		}
		b.ReportMetric(float64(n)/float64(rows), "file-B/row")
	})
	b.Run("record", func(b *testing.B) {
		for b.Loop() {
			inChunks(b, db, 1, endedJob)
			cs, err := db.ClaimDeliveries(b.Context(), "bench", time.Minute, 1, 8)
			if err != nil || len(cs) != 1 {
				b.Fatal(len(cs), err)
			}
			if _, err := db.RecordAttempt(b.Context(), cs[0].Delivery.Token(), att, out); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("since", func(b *testing.B) {
		for b.Loop() {
			if ds, _, err := db.Deliveries(b.Context(), store.DeliveryFilter{Webhook: hook, Since: time.Now().Add(48 * time.Hour)}, "", 20); err != nil || len(ds) != 0 {
				b.Fatal(len(ds), err)
			}
		}
	})
	b.Run("burst5000", func(b *testing.B) {
		const burst = 5000
		for b.Loop() {
			b.StopTimer()
			inChunks(b, db, burst, endedJob)
			b.StartTimer()
			deliverAll(b, db, burst, 64)
		}
		b.ReportMetric(float64(burst*b.N)/b.Elapsed().Seconds(), "/s")
	})
	b.Run("purge100", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.Purge(b.Context(), time.Now(), 100); err != nil {
				b.Fatal(err)
			}
		}
	})
}
