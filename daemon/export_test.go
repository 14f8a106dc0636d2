package daemon

import (
	"context"

	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/store"
)

// What the tests of the whole daemon see of its inside: what no answer of the
// API tells, or not at once.

// Store is where the daemon keeps its records.
func (d *Daemon) Store() store.Store { return d.db }

// Blobs is where the audio of jobs lies.
func (d *Daemon) Blobs() store.BlobStore { return d.blobs }

// Running is how many jobs are being run, those that were cancelled and have
// not ended among them.
func (d *Daemon) Running() int { return d.jobs.Count() }

// SilencedPath is where the redacted copy of a job's audio lies.
func (d *Daemon) SilencedPath(jobID string) string { return d.copies.Path(jobID) }

// FolderPaused tells whether the jobs of a folder wait for its outputs.
func (d *Daemon) FolderPaused(id string) bool { return d.folders.Paused(id) }

// Purge removes at once what the plan keeps no longer.
func (d *Daemon) Purge(ctx context.Context) { d.keeper.Purge(ctx) }

// Replays are the replays of deliveries that go on.
func (d *Daemon) Replays() *dispatch.Replays { return d.replays }
