// Package datadir knows what lies in a daemon's data folder: it takes the
// folder's lock, opens the database and the vault, and does to them what needs a
// daemon that is stopped: check, compact, repair, back up, reset the key.
package datadir

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/internal/backup"
	"github.com/voxparse/voxparse/internal/datalock"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store/boltstore"
)

// DatabaseFile is the name of the database in the data folder.
const DatabaseFile = boltstore.FileName

// The names of folders in the data folder.
const (
	SearchDir   = "search"   // the index of transcripts
	SilencedDir = "silenced" // the redacted audio of jobs that have ended
)

// Check reads the whole database at path and reports what is wrong with it. A
// large one takes much memory: run it in a process of its own. The error is
// api.Conflict while a daemon has the database open, and api.Invalid for one of
// a newer program.
func Check(path string) error { return boltstore.Check(path) }

// Compact rewrites the database at path without its free pages, and returns its
// size in bytes before and after. The error is api.Conflict while a daemon has
// the database open.
func Compact(path string) (before, after int64, err error) { return boltstore.Compact(path) }

// Repaired is what Repair did.
type Repaired = boltstore.Repaired

// Repair makes the database at path anew from what can be read of it, and keeps
// the old file under another name. The error is api.Conflict while a daemon has
// the database open.
func Repair(ctx context.Context, path string) (Repaired, error) { return boltstore.Repair(ctx, path) }

// Traces are what only a daemon with a database puts into the data folder: its
// master key, or the mark that the keyring has it, audio, and a backup on its way.
func Traces(dir string) []string {
	var paths []string
	for _, name := range append(vault.Files(), backup.AudioDir, incoming) {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

// Missing returns an error, with what to do, where the data folder says that
// there was a database, and nil before the first start.
func Missing(dir string) error {
	return boltstore.Missing(filepath.Join(dir, DatabaseFile), Traces(dir))
}

// OpenStore opens the database. What a killed daemon left behind, such as the
// process that checks the database, may have it for a moment: it is waited for.
func OpenStore(ctx context.Context, dir string, cfg boltstore.Config) (*boltstore.DB, error) {
	cfg.Traces = Traces(dir)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(datalock.Wait); ; {
		db, err := boltstore.Open(ctx, dir, cfg)
		if !errors.Is(err, boltstore.ErrLocked) {
			return db, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-limit:
			return nil, err
		case <-tick.C:
		}
	}
}
