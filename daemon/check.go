package daemon

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/store/boltstore"
)

// CheckDatabase reads the whole database at path and reports what is wrong with
// it. A large one takes much memory: run it in a process of its own. The error
// is api.Conflict while a daemon has the database open, and api.Invalid for one
// of a newer program.
func CheckDatabase(path string) error { return boltstore.Check(path) }

// CompactDatabase rewrites the database at path without its free pages, and
// returns its size in bytes before and after. The error is api.Conflict while
// a daemon has the database open.
func CompactDatabase(path string) (before, after int64, err error) { return boltstore.Compact(path) }

// Repaired is what RepairDatabase did.
type Repaired = boltstore.Repaired

// RepairDatabase makes the database at path anew from what can be read of it,
// and keeps the old file under another name. The error is api.Conflict while a
// daemon has the database open.
func RepairDatabase(ctx context.Context, path string) (Repaired, error) {
	return boltstore.Repair(ctx, path)
}

// BackupDatabase writes a copy of the database at path, which no daemon may
// have open: else the error is api.Conflict, and client.Backup is the way.
func BackupDatabase(ctx context.Context, path string, w io.Writer) error {
	return boltstore.BackupFile(ctx, path, w)
}

// databaseTraces are what only a daemon with a database puts into the data
// folder: its master key, and audio.
func databaseTraces(dataDir string) []string {
	return []string{filepath.Join(dataDir, "vault.key"), filepath.Join(dataDir, "spool")}
}

// MissingDatabase returns an error, with what to do, where the data folder says
// that there was a database, and nil before the first start.
func MissingDatabase(dataDir string) error {
	return boltstore.Missing(filepath.Join(dataDir, DatabaseFile), databaseTraces(dataDir))
}

// DatabaseFile is the name of the database in the data folder.
const DatabaseFile = boltstore.FileName

// checkTold is how often the service manager hears of a check that goes on.
const checkTold = 10 * time.Second

// checkUnclean returns what the store calls for a database that was not closed
// properly, nil where nobody can check it. The service manager is told to wait.
func (d *Daemon) checkUnclean() func(context.Context, string) error {
	if d.opts.Check == nil {
		return nil
	}
	return func(ctx context.Context, path string) error {
		d.log.Info("the database was not closed properly, or has changed since; checking it", "path", path)
		began := time.Now()
		checked := make(chan error, 1)
		go func() { checked <- d.opts.Check(ctx, path) }()
		tick := time.NewTicker(checkTold)
		defer tick.Stop()
		for {
			notifySystemd("STATUS=checking the database", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (3*checkTold).Microseconds()))
			select {
			case err := <-checked:
				if err == nil {
					d.log.Info("the database is valid", "took", time.Since(began).Round(time.Millisecond))
				}
				return err
			case <-tick.C:
			}
		}
	}
}
