package daemon_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/internal/benchtest"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/store"
)

// daemonProcess is a daemon in a process of its own.
type daemonProcess struct {
	*child
	cfg *config.Config
	*client.Client
}

func startProcess(t testing.TB, dir string, env ...string) *daemonProcess {
	t.Helper()
	cfg := testConfig(t, dir)
	p := &daemonProcess{spawn(t, "daemon", append(env, dirEnv+"="+dir)...), cfg, client.New(cfg.Socket)}
	t.Cleanup(p.Close)
	until(t, "the start of the daemon", func() bool {
		h, err := p.Health(context.Background())
		return err == nil && h.Status == api.HealthOK
	})
	return p
}

// BenchmarkAccept measures an upload of 50 kB until its 202: durable on disk.
// The daemon is a process of its own, whose jobs never end.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		dir := freshGround(b)
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			p := startProcess(b, dir, blockEnv+"=1")
			data := compressed(50_000)
			took := make([][]time.Duration, clients)
			var wg, warm sync.WaitGroup
			todo := make(chan struct{})
			for i := range clients {
				warm.Add(1)
				wg.Go(func() {
					c := client.New(p.cfg.Socket)
					defer c.Close()
					submit := func() {
						if _, err := c.Submit(context.Background(), upload(data)); err != nil {
							b.Error(err)
						}
					}
					submit() // which connects, and has the daemon make its threads
					warm.Done()
					for range todo {
						began := time.Now()
						submit()
						took[i] = append(took[i], time.Since(began))
					}
				})
			}
			warm.Wait()
			began := time.Now()
			for b.Loop() {
				todo <- struct{}{}
			}
			close(todo)
			wg.Wait()
			benchtest.Quantiles(b, slices.Concat(took...))
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "accepted/s")
			if err := p.terminate(); err != nil {
				b.Fatal(err)
			}
			spent := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
			b.ReportMetric(spent.Seconds()*1000/float64(b.N+clients), "daemon-cpu-ms/accept")
		})
	}
}

// compressed is what looks like compressed audio: any byte is as likely as any other.
func compressed(size int) []byte {
	data := audio("")
	noise := rand.NewChaCha8([32]byte{})
	for len(data) < size {
		data = binary.LittleEndian.AppendUint64(data, noise.Uint64())
	}
	return data[:size]
}

// burstEvents is how many deliveries a burst has.
const burstEvents = 10_000

// BenchmarkDeliveries measures bursts: events that wait for webhooks which are
// enabled all at once, to a sink process that verifies every signature. The
// CPU time is that of the whole daemon.
func BenchmarkDeliveries(b *testing.B) {
	for _, hooks := range []int{1, 5} {
		b.Run(fmt.Sprintf("webhooks=%d", hooks), func(b *testing.B) {
			f := start(b, nil)
			s := newSink(b)
			off := false
			var ids []string
			for range hooks {
				hook, err := f.client.CreateWebhook(b.Context(), api.WebhookPatch{URL: &s.url, Active: &off})
				if err != nil {
					b.Fatal(err)
				}
				s.say("secret " + hook.Secret)
				ids = append(ids, hook.ID)
			}
			total := burstEvents / hooks * hooks
			var took, spent time.Duration
			sent := 0
			for b.Loop() {
				b.StopTimer()
				for _, id := range ids {
					if _, err := f.client.UpdateWebhook(b.Context(), id, api.WebhookPatch{Active: &off}); err != nil {
						b.Fatal(err)
					}
				}
				makeEvents(b, f, burstEvents/hooks)
				sent += total
				b.StartTimer()
				cpu, began := cpuTime(), time.Now()
				for _, id := range ids {
					if _, err := f.client.EnableWebhook(b.Context(), id, api.ReplayRequest{}); err != nil {
						b.Fatal(err)
					}
				}
				until(b, "the burst", func() bool {
					n, err := f.Store().CountDeliveries(b.Context())
					return err == nil && n[api.DeliveryDelivered] >= sent
				})
				took, spent = took+time.Since(began), spent+cpuTime()-cpu
			}
			if r := s.ask(); r.Bad > 0 || r.Count < sent {
				b.Fatalf("got %d requests of which %d do not verify, want %d and 0", r.Count, r.Bad, sent)
			}
			b.ReportMetric(float64(sent)/took.Seconds(), "deliveries/s")
			b.ReportMetric(spent.Seconds()*1000/float64(sent), "cpu-ms/delivery")
		})
	}
}

// makeEvents completes jobs, by way of the store alone.
func makeEvents(b *testing.B, f *fixture, n int) {
	const queue = "bench" // the job loop may take from it too; then the fake does the work
	result := &api.Result{DurationSeconds: 60, Language: "en", Model: "bench", Text: strings.Repeat("some words ", 80)}
	todo := make(chan int, n)
	for i := range n {
		todo <- i
	}
	close(todo)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range todo {
				ctx := context.Background()
				id := store.NewID(api.JobPrefix)
				job, _, err := f.Store().Submit(ctx, store.Job{ID: id, Queue: queue + id, Source: api.Source{Name: "x.mp3"}, Metadata: []byte(`{"a":"b"}`)})
				if err != nil {
					b.Error(err)
					return
				}
				held, err := f.Store().Claim(ctx, queue+id, "bench", time.Minute, 1)
				if err != nil || len(held) == 0 {
					continue
				}
				meta := eventbody.Meta{ID: store.EventID(job.ID, job.Generation, api.EventCompleted), CreatedAt: time.Now().UTC(), JobID: job.ID, Metadata: job.Metadata}
				body, err := eventbody.Completed(meta, result, "")
				if err != nil {
					b.Error(err)
				}
				if _, err := f.Store().Complete(ctx, held[0].Token(), []byte("{}"), store.Event{ID: meta.ID, Type: api.EventCompleted, CreatedAt: meta.CreatedAt, Body: body}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	until(b, "the making of the events", func() bool {
		c, err := f.Store().CountJobs(context.Background())
		return err == nil && c[api.Queued]+c[api.Processing] == 0
	})
}

// cpuTime is the processor time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLatency measures the time from submission to the arrival of the
// webhook, at steady rates, with the fake transcriber and slots enough for it
// not to be what is measured. A turn is as many jobs as a 99th percentile takes.
func BenchmarkLatency(b *testing.B) {
	for _, rate := range []int{20, 50, 200} {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) {
			p := startProcess(b, shortDir(b), slotsEnv+"=16")
			s := newSink(b)
			hook, err := p.CreateWebhook(b.Context(), api.WebhookPatch{URL: &s.url})
			if err != nil {
				b.Fatal(err)
			}
			s.say("secret " + hook.Secret)
			data := append(audio("what somebody says in a few seconds"), make([]byte, 50_000)...)
			var wg sync.WaitGroup
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			sent := 0
			for b.Loop() {
				for range benchtest.LeastForP99 {
					<-tick.C
					sent++
					wg.Go(func() {
						u := upload(data)
						u.Metadata = []byte(`{"sent":"` + strconv.FormatInt(time.Now().UnixNano(), 10) + `"}`)
						if _, err := p.Submit(context.Background(), u); err != nil {
							b.Error(err)
						}
					})
				}
			}
			wg.Wait()
			until(b, "the arrival of all", func() bool { return s.ask().Count >= sent })
			r := s.ask()
			if r.Bad > 0 {
				b.Fatalf("%d requests do not verify", r.Bad)
			}
			benchtest.Quantiles(b, r.Latency)
		})
	}
}

// BenchmarkWholeJob measures what a job costs besides recognition: from the
// upload to the record of the verified webhook, in a burst from 16 clients and
// one after another. The recognizer answers at once. commits are those of the
// database, each of which syncs twice; the audio of a job is synced twice more.
func BenchmarkWholeJob(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			p := startProcess(b, shortDir(b), slotsEnv+"=16")
			s := newSink(b)
			hook, err := p.CreateWebhook(b.Context(), api.WebhookPatch{URL: &s.url})
			if err != nil {
				b.Fatal(err)
			}
			s.say("secret " + hook.Secret)
			data := audio("what somebody says in a few seconds")
			before := commits(b, p.cfg.DataDir)
			todo := make(chan struct{})
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					c := client.New(p.cfg.Socket)
					defer c.Close()
					for range todo {
						acc, err := c.Submit(context.Background(), upload(data))
						if err == nil && clients == 1 {
							_, err = c.WaitJob(context.Background(), acc.JobID, nil)
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			began := time.Now()
			for b.Loop() {
				todo <- struct{}{}
			}
			close(todo)
			wg.Wait()
			until(b, "the record of all", func() bool {
				st, err := p.Status(context.Background())
				return err == nil && st.Deliveries[api.DeliveryDelivered] >= b.N
			})
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "jobs/s")
			b.ReportMetric(float64(commits(b, p.cfg.DataDir)-before)/float64(b.N), "commits/job")
			if r := s.ask(); r.Bad > 0 || r.Count < b.N {
				b.Fatalf("got %d requests of which %d do not verify, want %d and 0", r.Count, r.Bad, b.N)
			}
			if err := p.terminate(); err != nil {
				b.Fatal(err)
			}
			spent := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
			b.ReportMetric(spent.Seconds()*1000/float64(b.N), "daemon-cpu-ms/job")
		})
	}
}

// commits is how many transactions the database of a data folder has seen. Each
// has a number, and the last two stand at fixed places of the first two pages.
func commits(b *testing.B, dataDir string) (last uint64) {
	b.Helper()
	f, err := os.Open(filepath.Join(dataDir, datadir.DatabaseFile))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for page := range 2 {
		var n [8]byte
		if _, err := f.ReadAt(n[:], int64(page*os.Getpagesize()+64)); err != nil {
			b.Fatal(err)
		}
		last = max(last, binary.NativeEndian.Uint64(n[:]))
	}
	return last
}
