package datadir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/voxparse/voxparse/internal/datalock"
	"github.com/voxparse/voxparse/store/boltstore"
)

// Lock takes the lock of the data folder and writes there who we are, so that
// every command finds us. A daemon that is about to end is waited for. The error
// is boltstore.ErrLocked, with the one that has the folder.
func Lock(ctx context.Context, dir string, me datalock.Owner, log *slog.Logger) (*datalock.Lock, error) {
	lock, err := datalock.Take(ctx, dir)
	if errors.Is(err, datalock.ErrHeld) {
		o, _, findErr := datalock.Find(ctx, dir)
		if findErr != nil || o.PID == 0 {
			return nil, errors.Join(boltstore.ErrLocked, findErr)
		}
		return nil, fmt.Errorf("%w\nit is process %d, version %s, at %s; stop it with: voxparse daemon stop", boltstore.ErrLocked, o.PID, o.Version, o.Socket)
	}
	if err != nil {
		return nil, err
	}
	if err := lock.Name(me); err != nil {
		log.Warn("commands will not find this daemon without its socket", "error", err) // as on a full disk
	}
	return lock, nil
}
