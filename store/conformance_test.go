package store_test

import (
	"context"
	"testing"

	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/storetest"
)

// backend opens the real store, and checks its indexes whenever it is closed.
func backend(ctx context.Context, dir string, opts store.Options) (storetest.Store, error) {
	db, err := store.Open(ctx, dir, opts)
	if err != nil {
		return nil, err
	}
	return checked{DB: db, dir: dir}, nil
}

type checked struct {
	*store.DB
	dir string
}

func (c checked) Close() error {
	if err := c.DB.Close(); err != nil {
		return err
	}
	return store.Check(c.dir + "/" + store.FileName)
}

func TestConformance(t *testing.T) { storetest.Run(t, backend) }
