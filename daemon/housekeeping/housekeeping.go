// Package housekeeping removes what is past its time: finished jobs with their
// logs, their audio and their place in the search index. Audio that no job is
// known to need it sets aside.
package housekeeping

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Store is what is kept in order, and the events that tell when it was used last.
type Store interface {
	store.Keeper
	store.Events
}

// Config is what New needs; all of it but Now is required.
type Config struct {
	Store  Store
	Blobs  store.BlobStore
	Keep   time.Duration // for how long finished jobs are kept
	Copies interface {
		Sweep(ctx context.Context) int // removes the silenced audio of jobs that are gone
	}
	Search interface {
		Purge(ctx context.Context, before time.Time) error // takes transcripts out of the index
	}
	Logger *slog.Logger
	// Now returns the time of day, and the time since any moment by a clock that
	// nobody sets. nil: those of the machine.
	Now func() (wall time.Time, steady time.Duration)
}

// Keeper keeps the house. New makes it.
type Keeper struct {
	cfg Config
	log *slog.Logger

	mu    sync.Mutex
	known bool // clock has begun
	clock trusted
}

// New returns a keeper that does nothing yet.
func New(cfg Config) *Keeper {
	if cfg.Now == nil {
		began := time.Now()
		cfg.Now = func() (time.Time, time.Duration) { return time.Now().Round(0), time.Since(began) }
	}
	return &Keeper{cfg: cfg, log: cfg.Logger}
}

// How often the house is kept.
const (
	purgeEvery   = 10 * time.Minute
	purgeChunk   = 1000
	collectEvery = 6 * time.Hour
	orphanAge    = time.Hour // an upload in progress has no job yet
)

// Start sets aside the audio that a daemon which was killed left without a job.
// No upload may be in progress yet.
func (k *Keeper) Start(ctx context.Context) { k.tidyAudio(ctx, 0) }

// Run keeps the house until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	purge, collect := time.NewTicker(purgeEvery), time.NewTicker(collectEvery)
	defer purge.Stop()
	defer collect.Stop()
	for {
		k.Purge(ctx)
		k.removeGivenUp(ctx)
		select {
		case <-ctx.Done():
			return
		case <-purge.C:
		case <-collect.C:
			k.tidyAudio(ctx, orphanAge)
		}
	}
}

// Purge removes what the plan keeps no longer.
func (k *Keeper) Purge(ctx context.Context) {
	now, err := k.now(ctx)
	if err != nil {
		k.trouble(ctx, "tell how old finished jobs are", err)
		return
	}
	before, total := now.Add(-k.cfg.Keep), 0
	for ctx.Err() == nil {
		n, err := k.cfg.Store.Purge(ctx, before, purgeChunk)
		total += n
		if err != nil {
			k.trouble(ctx, "purge", err)
			return
		}
		if n < purgeChunk {
			break
		}
	}
	if total == 0 {
		return
	}
	k.log.Info("purged", "jobs", total, "older_than", k.cfg.Keep, "silenced_audio", k.cfg.Copies.Sweep(ctx))
	k.trouble(ctx, "take purged transcripts out of the search index", k.cfg.Search.Purge(ctx, before))
}

// trouble logs an error, unless the daemon stops.
func (k *Keeper) trouble(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		k.log.Error(what, "error", err)
	}
}

// tidyAudio removes the audio that was given up, and sets aside what no job is
// known to need and is older than age. That is not deleted: a database that does
// not know its job may be an older one. It stays in the quarantine for as long as
// finished jobs are kept.
func (k *Keeper) tidyAudio(ctx context.Context, age time.Duration) {
	k.cfg.Copies.Sweep(ctx)
	if !k.removeGivenUp(ctx) {
		return
	}
	keep := func(name string) bool {
		used, err := k.cfg.Store.BlobInUse(ctx, name)
		return used || err != nil
	}
	n, err := k.cfg.Blobs.Quarantine(ctx, keep, age)
	if n > 0 {
		k.log.Warn("audio without a job was set aside in the quarantine; see: voxparse doctor", "files", n, "kept_for", k.cfg.Keep)
	}
	k.audioTrouble(ctx, "set aside audio without a job", err)
	now, err := k.now(ctx)
	if err != nil {
		k.audioTrouble(ctx, "tell how old the audio in the quarantine is", err)
		return
	}
	n, err = k.cfg.Blobs.ExpireQuarantine(ctx, now.Add(-k.cfg.Keep))
	if n > 0 {
		k.log.Info("removed audio from the quarantine", "files", n, "older_than", k.cfg.Keep)
	}
	k.audioTrouble(ctx, "remove old audio from the quarantine", err)
}

// removeGivenUp removes the audio that jobs had and need no more. It returns
// false where some is left.
func (k *Keeper) removeGivenUp(ctx context.Context) bool {
	for {
		names, err := k.cfg.Store.GivenUpBlobs(ctx, purgeChunk)
		if err == nil && len(names) == 0 {
			return true
		}
		for _, name := range names {
			if err == nil {
				err = k.cfg.Blobs.Remove(name)
			}
		}
		if err == nil {
			err = k.cfg.Store.ForgetBlobs(ctx, names)
		}
		if err != nil {
			k.audioTrouble(ctx, "remove audio of jobs that have ended", err)
			return false
		}
	}
}

// audioTrouble is trouble with what the store says itself left out.
func (k *Keeper) audioTrouble(ctx context.Context, what string, err error) {
	if !errors.Is(err, api.Unavailable) {
		k.trouble(ctx, what, err)
	}
}
