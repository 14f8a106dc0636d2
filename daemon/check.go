package daemon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/store"
)

// CheckDatabase reads the whole database at path and reports what is wrong with
// it. A damaged file can end the process: run it in one of its own. The error
// is api.Conflict while a daemon has the database open.
func CheckDatabase(path string) error { return store.Check(path) }

// CompactDatabase rewrites the database at path without its free pages, and
// returns its size in bytes before and after. The error is api.Conflict while
// a daemon has the database open.
func CompactDatabase(path string) (before, after int64, err error) { return store.Compact(path) }

// BackupDatabase writes a copy of the database at path, which no daemon may
// have open: else the error is api.Conflict, and client.Backup is the way.
func BackupDatabase(ctx context.Context, path string, w io.Writer) error {
	return store.BackupFile(ctx, path, w)
}

// SyncFolder makes the names in the folder dir durable.
func SyncFolder(dir string) error { return store.SyncFolder(dir) }

// backup serves GET /v1/daemon/backup: the database as it is at this moment.
// An answer that breaks off is not whole, and the client sees it.
func (d *Daemon) backup(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	w.Header().Set("Content-Type", "application/octet-stream")
	out := &patientWriter{w: w, rc: http.NewResponseController(w)}
	if err := d.db.Backup(r.Context(), out); err != nil {
		if out.n == 0 {
			return err
		}
		d.log.Warn("a backup broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	d.log.Info("backed up the database", "bytes", out.n, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// patientWriter gives the client a while for each piece, and counts bytes.
type patientWriter struct {
	w  io.Writer
	rc *http.ResponseController
	n  int64
}

// Write writes a piece.
func (p *patientWriter) Write(b []byte) (int, error) {
	if err := p.rc.SetWriteDeadline(time.Now().Add(writePause)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, err
}

// DatabaseFile is the name of the database in the data folder.
const DatabaseFile = store.FileName

// checkTold is how often the service manager hears of a check that goes on.
const checkTold = 10 * time.Second

// checkUnclean returns what the store calls for a database that was not closed
// properly, nil where nobody can check it. The service manager is told to wait.
func (d *Daemon) checkUnclean() func(context.Context, string) error {
	if d.opts.Check == nil {
		return nil
	}
	return func(ctx context.Context, path string) error {
		d.log.Info("the database was not closed properly; checking it", "path", path)
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
					d.log.Info("the database is whole", "took", time.Since(began).Round(time.Millisecond))
				}
				return err
			case <-tick.C:
			}
		}
	}
}
