package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/voxparse/voxparse/internal/datalock"
	"github.com/voxparse/voxparse/store/boltstore"
)

// takeLock takes the lock of the data folder and writes there who we are, so
// that every command finds us. A daemon that is about to end is waited for. The
// error is boltstore.ErrLocked, with the one that has the folder.
func (d *Daemon) takeLock(ctx context.Context) (err error) {
	d.lock, err = datalock.Take(ctx, d.cfg.DataDir)
	if errors.Is(err, datalock.ErrHeld) {
		o, _, findErr := datalock.Find(ctx, d.cfg.DataDir)
		if findErr != nil || o.PID == 0 {
			return errors.Join(boltstore.ErrLocked, findErr)
		}
		return fmt.Errorf("%w\nit is process %d, version %s, at %s; stop it with: voxparse daemon stop", boltstore.ErrLocked, o.PID, o.Version, o.Socket)
	}
	if err != nil {
		return err
	}
	me := datalock.Owner{PID: os.Getpid(), Socket: d.cfg.Socket, Version: d.opts.Version, StartedAt: d.start}
	if err := d.lock.Name(me); err != nil {
		d.log.Warn("commands will not find this daemon without its socket", "error", err) // as on a full disk
	}
	return nil
}

// openStore opens the database. What a killed daemon left behind, such as the
// process that checks the database, may have it for a moment: it is waited for.
func openStore(ctx context.Context, dir string, cfg boltstore.Config) (*boltstore.DB, error) {
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
