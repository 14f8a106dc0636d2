// Command makeold fills a database with every kind of record, and closes it, or
// kills itself: see README.md in the folder above. It is built inside commits
// of which the store was one package.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"syscall"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func id(prefix string, n int) string { return fmt.Sprintf("%s01j0000000000000000000%04d", prefix, n) }

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func check(err error) { must(0, err) }

var (
	ctx  = context.Background()
	made = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
)

func main() {
	db := must(store.Open(ctx, os.Args[1], store.Options{}))
	webhooks(db)
	jobs(db)
	sends(db)
	files(db)
	if len(os.Args) > 2 {
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		select {}
	}
	check(db.Close())
}

func webhooks(db *store.DB) {
	must(db.CreateWebhook(ctx, store.Webhook{ID: id("whk_", 1), URL: "https://one.example/", Events: []string{"transcription.completed", "transcription.failed"},
		Description: "one", Active: true, CreatedAt: made, Timeout: 7 * time.Second, Ordered: true, AllowPrivate: true,
		Secret: []byte("sealed"), PreviousSecret: []byte("before"), PreviousUntil: made, SecretLast4: "last"}, 0))
	must(db.CreateWebhook(ctx, store.Webhook{ID: id("whk_", 2), URL: "https://two.example/", Active: true, CreatedAt: made, RateLimit: 2.5}, 0))
	must(db.CreateWebhook(ctx, store.Webhook{ID: id("whk_", 3), URL: "https://three.example/", CreatedAt: made, DisabledReason: "user"}, 0))
}

// claim claims job n, which has a queue of its own.
func claim(db *store.DB, n int) store.Job {
	return must(db.Claim(ctx, fmt.Sprint("q", n), "run_of_old", time.Hour, 1))[0]
}

func jobs(db *store.DB) {
	for n := 1; n <= 5; n++ {
		_, _, err := db.Submit(ctx, store.Job{ID: id("job_", n), Queue: fmt.Sprint("q", n), Dedupe: fmt.Sprint("key", n), MaxAttempts: 4, CreatedAt: made,
			Source: api.Source{Name: "a.wav", Size: 12345, SHA256: "abc"}, Options: api.Options{Language: "de"},
			Metadata: []byte(`{"n":1}`), Webhooks: []string{id("whk_", 1), id("whk_", 2), id("whk_", 3)}, Blob: fmt.Sprint("blob", n)})
		check(err)
	}
	must(db.Complete(ctx, claim(db, 1).Token(), []byte(`{"text":"hello"}`), event(1, "transcription.completed")))
	j := claim(db, 3)
	check(db.Progress(ctx, j.Token(), api.Progress{Percent: 42}))
	must(db.Fail(ctx, claim(db, 4).Token(), store.JobError{Code: "corrupt_audio", Message: "it is broken"}, time.Time{}, event(4, "transcription.failed")))
	must(db.Cancel(ctx, id("job_", 5), 0))
}

func event(n int, typ string) store.Event {
	return store.Event{ID: store.EventID(id("job_", n), 0, typ), Type: typ, CreatedAt: made, Body: []byte(fmt.Sprintf(`{"job":%d}`, n))}
}

func sends(db *store.DB) {
	for _, c := range must(db.ClaimDeliveries(ctx, "run_of_old", time.Hour, 9, 1)) {
		out := store.Outcome{State: api.DeliveryDelivered}
		if c.Webhook.ID == id("whk_", 2) {
			out = store.Outcome{State: api.DeliveryPending, RetryAt: made.Add(time.Hour)}
		}
		must(db.RecordAttempt(ctx, c.Delivery.Token(), api.Attempt{StartedAt: made, DurationMS: 1.25, Status: 503, Error: "busy",
			ErrorKind: "status", ResponseHeaders: map[string]string{"A": "b"}, ResponseBody: "later", Truncated: true}, out))
		if c.Webhook.ID == id("whk_", 1) {
			must(db.Redeliver(ctx, c.Delivery.ID))
		}
	}
	must(db.PostEvent(ctx, store.Event{ID: id("evt_", 9), Type: "webhook.test", CreatedAt: made, Body: []byte("{}")}, []string{id("whk_", 2)}, true))
}

func files(db *store.DB) {
	must(db.CreateFolder(ctx, store.FolderRecord{ID: id("wat_", 1), Dir: "/in\xff", Options: api.FolderOptions{Settle: "9s", Formats: []string{"srt"}},
		CreatedAt: made, LastScan: made, Device: 7, Marker: "m"}))
	move := store.Finish{Action: store.FinishMove, To: "done/x"}
	file := func(n int, path, sha string) store.FileClaim {
		return store.FileClaim{Path: path, Stamp: store.FileStamp{Device: 1, Inode: uint64(n), Size: 10, MTime: made}, SHA256: sha, Options: "o",
			Job: store.Job{ID: id("job_", n)}, Skip: move}
	}
	must(db.ClaimFiles(ctx, id("wat_", 1), []store.FileClaim{file(11, "done.wav", "s1"), file(12, "failed.wav", "s2")}))
	for range 2 {
		j := must(db.Claim(ctx, id("wat_", 1), "run_of_old", time.Hour, 1))[0]
		check(db.RecordOutputs(ctx, j.Token(), []string{"x.srt"}))
		if j.ID == id("job_", 11) {
			must(db.CompleteFile(ctx, j.Token(), []byte(`{"text":"file"}`), event(11, "transcription.completed"),
				store.Finish{Action: store.FinishMove, To: "done/done.wav", Outputs: []string{"done.srt"}}))
			continue
		}
		must(db.FailFile(ctx, j.Token(), store.JobError{Code: "no_speech", Message: "silence"}, event(12, "transcription.failed"), store.Finish{Action: store.FinishDecide, Reason: "silence"}))
	}
	must(db.ClaimFiles(ctx, id("wat_", 1), []store.FileClaim{file(13, "open.wav", "s3"), file(14, "twin.wav", "s3")}))
	check(db.IgnoreFiles(ctx, id("wat_", 1), []store.FileClaim{file(15, "old\xff.wav", "")}))
}
