package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/voxparse/voxparse/api"
)

// How often the house is kept.
const (
	purgeEvery   = 10 * time.Minute
	purgeChunk   = 1000
	collectEvery = 6 * time.Hour
	orphanAge    = time.Hour // an upload in progress has no job yet
)

// housekeeping removes what is past its time: finished jobs with their logs,
// and audio that no job refers to. It ends with ctx.
func (d *Daemon) housekeeping(ctx context.Context) {
	purge, collect := time.NewTicker(purgeEvery), time.NewTicker(collectEvery)
	defer purge.Stop()
	defer collect.Stop()
	for {
		d.purge(ctx)
		select {
		case <-ctx.Done():
			return
		case <-purge.C:
		case <-collect.C:
			d.collect(ctx, orphanAge)
		}
	}
}

// purge removes what the plan keeps no longer.
func (d *Daemon) purge(ctx context.Context) {
	before := time.Now().Add(-d.cfg.KeepFor())
	total := 0
	for ctx.Err() == nil {
		n, err := d.db.Purge(ctx, before, purgeChunk)
		total += n
		if err != nil {
			if ctx.Err() == nil {
				d.log.Error("purge", "error", err)
			}
			return
		}
		if n < purgeChunk {
			break
		}
	}
	if total == 0 {
		return
	}
	d.log.Info("purged", "jobs", total, "older_than", d.cfg.KeepFor(), "silenced_audio", d.copies.Sweep(ctx))
	if err := d.search.Purge(ctx, before); err != nil && ctx.Err() == nil {
		d.log.Error("take purged transcripts out of the search index", "error", err)
	}
}

// collect removes audio without a job.
func (d *Daemon) collect(ctx context.Context, age time.Duration) {
	d.copies.Sweep(ctx)
	keep := func(name string) bool {
		used, err := d.db.BlobInUse(ctx, name)
		return used || err != nil
	}
	n, err := d.blobs.Collect(ctx, keep, age)
	switch {
	case err != nil && ctx.Err() == nil && !errors.Is(err, api.Unavailable):
		d.log.Error("collect audio without a job", "error", err)
	case n > 0:
		d.log.Info("removed audio without a job", "files", n)
	}
}
