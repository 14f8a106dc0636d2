package boltstore

import (
	"context"
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// RecordOutputs records which files the holder of a folder's job is about to
// write, before it writes them: after a crash they are known to be ours.
func (db *DB) RecordOutputs(ctx context.Context, tok store.Token, outputs []string) error {
	return db.leasedUpdate(ctx, "record the outputs of job", tok, func(t *tx, r *jobRecord) {
		if f := t.fileOf(r); f != nil {
			f.Outputs = outputs
			t.saveFile(f)
		}
	})
}

// PendingFinishes returns up to limit, but at most 200, of what is recorded
// and not done, over all folders, in order of folder and path: from the first
// on, or from the one after after.
func (db *DB) PendingFinishes(ctx context.Context, after *store.Finish, limit int) ([]store.Finish, error) {
	var all []store.Finish
	err := db.view(ctx, func(t *tx) error {
		c := t.at(bFinish).Cursor()
		k, v := c.First()
		if after != nil {
			u, err := store.ParseID(api.FolderPrefix, after.Folder)
			if err != nil {
				return err
			}
			k, v = c.Seek(append(fileKey(u, after.Path), 0))
		}
		for ; k != nil && len(all) < min(limit, maxRows); k, v = c.Next() {
			var f finishRecord
			err := decode(v, finishVersion, &f)
			if t.skip(bFinish, k, err) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read what is left to do with %q: %w", k[16:], err)
			}
			all = append(all, f.Finish)
		}
		return nil
	})
	return all, err
}
