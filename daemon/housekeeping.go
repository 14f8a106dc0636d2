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

// housekeeping removes what is past its time: finished jobs with their logs and
// audio. Audio that no job is known to need it sets aside. It ends with ctx.
func (d *Daemon) housekeeping(ctx context.Context) {
	purge, collect := time.NewTicker(purgeEvery), time.NewTicker(collectEvery)
	defer purge.Stop()
	defer collect.Stop()
	for {
		d.purge(ctx)
		d.removeGivenUp(ctx)
		select {
		case <-ctx.Done():
			return
		case <-purge.C:
		case <-collect.C:
			d.tidyAudio(ctx, orphanAge)
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

// tidyAudio removes the audio that was given up, and sets aside what no job is
// known to need and is older than age. That is not deleted: a database that does
// not know its job may be an older one. It stays in the quarantine for as long as
// finished jobs are kept.
func (d *Daemon) tidyAudio(ctx context.Context, age time.Duration) {
	d.copies.Sweep(ctx)
	if !d.removeGivenUp(ctx) {
		return
	}
	keep := func(name string) bool {
		used, err := d.db.BlobInUse(ctx, name)
		return used || err != nil
	}
	n, err := d.blobs.Quarantine(ctx, keep, age)
	if n > 0 {
		d.log.Warn("audio without a job was set aside in the quarantine; see: voxparse doctor", "files", n, "kept_for", d.cfg.KeepFor())
	}
	d.audioTrouble(ctx, "set aside audio without a job", err)
	n, err = d.blobs.ExpireQuarantine(ctx, time.Now().Add(-d.cfg.KeepFor()))
	if n > 0 {
		d.log.Info("removed audio from the quarantine", "files", n, "older_than", d.cfg.KeepFor())
	}
	d.audioTrouble(ctx, "remove old audio from the quarantine", err)
}

// removeGivenUp removes the audio that jobs had and need no more. It returns
// false where some is left.
func (d *Daemon) removeGivenUp(ctx context.Context) bool {
	for {
		names, err := d.db.GivenUpBlobs(ctx, purgeChunk)
		if err == nil && len(names) == 0 {
			return true
		}
		for _, name := range names {
			if err == nil {
				err = d.blobs.Remove(name)
			}
		}
		if err == nil {
			err = d.db.ForgetBlobs(ctx, names)
		}
		if err != nil {
			d.audioTrouble(ctx, "remove audio of jobs that have ended", err)
			return false
		}
	}
}

// audioTrouble logs an error that is not that of a daemon which stops.
func (d *Daemon) audioTrouble(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil && !errors.Is(err, api.Unavailable) {
		d.log.Error(what, "error", err)
	}
}
