package boltstore_test

import (
	"context"
	"testing"

	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/store/storetest"
)

// openChecked opens the real store, and checks its indexes whenever it is closed.
func openChecked(ctx context.Context, dir string, opts store.Options) (store.Store, error) {
	db, err := boltstore.Open(ctx, dir, boltstore.Config{Options: opts})
	if err != nil {
		return nil, err
	}
	return checked{DB: db, dir: dir}, nil
}

type checked struct {
	*boltstore.DB
	dir string
}

func (c checked) Close() error {
	if err := c.DB.Close(); err != nil {
		return err
	}
	return boltstore.Check(c.dir + "/" + boltstore.FileName)
}

func TestConformance(t *testing.T) { storetest.Run(t, storetest.Backend{Open: openChecked}) }
