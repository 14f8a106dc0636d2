package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/store"
)

// CheckDatabase reads the whole database at path and reports what is wrong with
// it. A damaged file can end the process: run it in one of its own. The error
// is api.Conflict while a daemon has the database open.
func CheckDatabase(path string) error { return store.Check(path) }

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
