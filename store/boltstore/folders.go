package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

const folderVersion = 2

type folderRecord struct {
	newer
	store.FolderRecord
	Deleted bool // it is removed: its files are being dropped, or those that are kept wait for its return
	Dropped bool // that has come to its end
}

func (r *folderRecord) walk(c *coder) {
	f := &r.FolderRecord
	c.id(api.FolderPrefix, &f.ID)
	c.uint(&f.Revision)
	c.str(&f.Dir)
	walkJSON(c, &f.Options)
	c.time(&f.CreatedAt)
	c.time(&f.LastScan)
	c.uint(&f.Device)
	c.str(&f.Marker)
	c.bool(&r.Deleted)
	if c.version >= 2 {
		c.bool(&r.Dropped)
		c.time(&f.RemovedAt)
		c.str(&f.Origin)
	}
}

// loadFolder reads a folder that users can name.
func (t *tx) loadFolder(id string) (*folderRecord, uid, error) {
	u, err := store.ParseID(api.FolderPrefix, id)
	if err != nil {
		return nil, u, err
	}
	r, err := t.folderAt(u)
	if err == nil && r.Deleted {
		err = api.Errorf(api.NotFound, "there is no watched folder %s", id)
	}
	return r, u, err
}

func (t *tx) folderAt(u uid) (*folderRecord, error) {
	v := t.get(bFolder, u[:])
	if v == nil {
		return nil, api.Errorf(api.NotFound, "there is no watched folder %s", store.FormatID(api.FolderPrefix, u))
	}
	r := &folderRecord{}
	if err := decode(v, folderVersion, r); err != nil {
		return nil, fmt.Errorf("read folder %s: %w", store.FormatID(api.FolderPrefix, u), err)
	}
	return r, nil
}

// CreateFolder records a drop folder; the caller makes the id. A repeat with
// the same id returns what exists. With the id of a folder that was removed it is
// that folder again, set up as f says, with what is known of its files. Another
// folder with the same Dir gives api.Conflict.
func (db *DB) CreateFolder(ctx context.Context, f store.FolderRecord) (got store.FolderRecord, err error) {
	u, err := store.ParseID(api.FolderPrefix, f.ID)
	if err != nil {
		return store.FolderRecord{}, api.Errorf(api.Invalid, "create folder: %q is not the id of a folder", f.ID)
	}
	err = db.update(ctx, func(t *tx) error {
		revision := uint64(0)
		if t.get(bFolder, u[:]) != nil {
			r, err := t.folderAt(u)
			switch {
			case err != nil:
				return err
			case !r.Deleted:
				got = r.FolderRecord
				return nil
			case !r.Dropped:
				return api.Errorf(api.Conflict, "the folder %s is being removed; try again in a moment", f.ID)
			}
			revision = r.Revision
		}
		if other, err := t.folderWithDir(f.Dir); err != nil || other != "" {
			return orError(err, api.Errorf(api.Conflict, "%s is watched already, as %s", f.Dir, other))
		}
		r := &folderRecord{FolderRecord: f}
		r.Revision, r.RemovedAt = revision+1, time.Time{}
		if r.CreatedAt.IsZero() {
			r.CreatedAt = t.now
		}
		t.putRecord(bFolder, u[:], folderVersion, r)
		got, err = t.readBack(u)
		return err
	})
	if err != nil {
		return store.FolderRecord{}, fmt.Errorf("create folder %s: %w", f.ID, err)
	}
	return got, nil
}

// readBack returns a folder as a later reader will get it.
func (t *tx) readBack(u uid) (store.FolderRecord, error) {
	r, err := t.folderAt(u)
	if err != nil {
		return store.FolderRecord{}, err
	}
	return r.FolderRecord, nil
}

func orError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func (t *tx) folderWithDir(dir string) (id string, err error) {
	err = t.at(bFolder).ForEach(func(k, v []byte) error {
		var r folderRecord
		if err := decode(v, folderVersion, &r); err != nil {
			if t.skip(bFolder, k, err) {
				return nil
			}
			return fmt.Errorf("read folder: %w", err)
		}
		if r.Dir == dir && !r.Deleted {
			id = r.ID
		}
		return nil
	})
	return id, err
}

// Folder returns the drop folder with the given id, or api.NotFound.
func (db *DB) Folder(ctx context.Context, id string) (store.FolderRecord, error) {
	var f store.FolderRecord
	err := db.view(ctx, func(t *tx) error {
		r, _, err := t.loadFolder(id)
		if err == nil {
			f = r.FolderRecord
		}
		return err
	})
	return f, err
}

// Folders returns all drop folders, oldest first.
func (db *DB) Folders(ctx context.Context) ([]store.FolderRecord, error) {
	return db.foldersThat(ctx, func(r *folderRecord) bool { return !r.Deleted })
}

// RemovedFolders returns the folders that were removed and can come back by
// CreateFolder, oldest first.
func (db *DB) RemovedFolders(ctx context.Context) ([]store.FolderRecord, error) {
	return db.foldersThat(ctx, func(r *folderRecord) bool { return r.Deleted && r.Dropped })
}

// foldersThat returns the folders that are wanted, oldest first.
func (db *DB) foldersThat(ctx context.Context, wanted func(*folderRecord) bool) ([]store.FolderRecord, error) {
	var all []store.FolderRecord
	err := db.view(ctx, func(t *tx) error {
		return t.at(bFolder).ForEach(func(k, v []byte) error {
			var r folderRecord
			if err := decode(v, folderVersion, &r); err != nil {
				if t.skip(bFolder, k, err) {
					return nil
				}
				return fmt.Errorf("read folder: %w", err)
			}
			if wanted(&r) {
				all = append(all, r.FolderRecord)
			}
			return nil
		})
	})
	return all, err
}

// UpdateFolder changes a folder: change gets its present form, and an error
// from it leaves all as it was. change runs inside a transaction, perhaps more
// than once, each time on a fresh copy: it must set what it finds out anew each
// time, have no other effect, and not call the store. The id, the revision and the time of creation are not
// change's to set.
func (db *DB) UpdateFolder(ctx context.Context, id string, change func(*store.FolderRecord) error) (got store.FolderRecord, err error) {
	err = db.update(ctx, func(t *tx) error {
		r, u, err := t.loadFolder(id)
		if err != nil {
			return err
		}
		next := r.FolderRecord
		if err := change(&next); err != nil {
			return err
		}
		next.ID, next.Revision, next.CreatedAt = r.ID, r.Revision+1, r.CreatedAt
		if next.Dir != r.Dir {
			if other, err := t.folderWithDir(next.Dir); err != nil || other != "" {
				return orError(err, api.Errorf(api.Conflict, "%s is watched already, as %s", next.Dir, other))
			}
		}
		r.FolderRecord = next
		t.putRecord(bFolder, u[:], folderVersion, r)
		got, err = t.readBack(u)
		return err
	})
	if err != nil {
		return store.FolderRecord{}, fmt.Errorf("update folder %s: %w", id, err)
	}
	return got, nil
}

// DeleteFolder removes a drop folder, and cancels the open jobs of its files; no
// file on disk is touched. Of its files only those stay known that have their
// transcript, until Purge drops them, and the folder where there are none. It
// makes several commits where there are many files; from the first of them the
// folder is gone for everybody, and Recover ends what a crash leaves.
func (db *DB) DeleteFolder(ctx context.Context, id string) error {
	var u uid
	err := db.update(ctx, func(t *tx) error {
		r, at, err := t.loadFolder(id)
		if err != nil {
			return err
		}
		u, r.Deleted, r.Dropped, r.RemovedAt = at, true, false, t.now
		r.Revision++
		t.putRecord(bFolder, u[:], folderVersion, r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete folder %s: %w", id, err)
	}
	return db.finishFolder(ctx, u)
}

// purgeFolders drops the folders that were removed before the given time, and
// what was kept of their files.
func (db *DB) purgeFolders(ctx context.Context, before time.Time) error {
	old, err := db.foldersThat(ctx, func(r *folderRecord) bool { return r.Deleted && r.Dropped && r.RemovedAt.Before(before) })
	if err != nil {
		return err
	}
	for _, f := range old {
		u, err := store.ParseID(api.FolderPrefix, f.ID)
		if err != nil {
			return err
		}
		err = db.update(ctx, func(t *tx) error {
			r, err := t.folderAt(u)
			if err != nil || !r.Deleted {
				return err // it came back meanwhile
			}
			r.Dropped, r.RemovedAt = false, time.Time{}
			t.putRecord(bFolder, u[:], folderVersion, r)
			return nil
		})
		if err == nil {
			err = db.finishFolder(ctx, u)
		}
		if err != nil {
			return fmt.Errorf("purge folder %s: %w", f.ID, err)
		}
	}
	return nil
}

// finishFolder drops what is not kept of the files of a removed folder.
func (db *DB) finishFolder(ctx context.Context, u uid) error {
	var after []byte
	for done := false; !done; {
		var last []byte
		err := db.update(ctx, func(t *tx) error {
			var err error
			last, done, err = t.dropSome(u, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("drop the files of folder %s: %w", store.FormatID(api.FolderPrefix, u), err)
		}
		after = last
	}
	return nil
}

// dropSome goes through some files of a removed folder, from the one after the
// key after, and ends the removal when there is none left.
func (t *tx) dropSome(u uid, after []byte) (last []byte, done bool, err error) {
	folder, err := t.folderAt(u)
	if err != nil || !folder.Deleted || folder.Dropped {
		return nil, true, err
	}
	keys := t.filesAfter(u, "", string(after), deleteChunk)
	for _, k := range keys {
		r, err := loadFile(t.get(bFile, k), k)
		if errors.Is(err, api.NotFound) {
			continue // it was a duplicate of one before it
		}
		if err != nil {
			return nil, false, err
		}
		if !folder.RemovedAt.IsZero() && r.OutlivesFolder(t.waits(r)) {
			t.del(bFinish, r.key)
			continue
		}
		if err := t.cancelJobOf(r); err != nil {
			return nil, false, err
		}
		t.removeFile(r)
	}
	if len(keys) > 0 {
		return keys[len(keys)-1][len(u):], false, nil
	}
	if len(t.keysWith(bFile, u[:], 1)) > 0 {
		folder.Dropped = true
		t.putRecord(bFolder, u[:], folderVersion, folder)
		return nil, true, nil
	}
	delete(t.folders, u)
	t.del(bFolderCounts, u[:])
	t.del(bFolder, u[:])
	return nil, true, nil
}

// recoverFolders ends deletions that a crash interrupted.
func (db *DB) recoverFolders(ctx context.Context) error {
	var gone []uid
	err := db.view(ctx, func(t *tx) error {
		return t.at(bFolder).ForEach(func(k, v []byte) error {
			var r folderRecord
			if err := decode(v, folderVersion, &r); err != nil {
				if t.skip(bFolder, k, err) {
					return nil
				}
				return fmt.Errorf("read folder: %w", err)
			}
			if r.Deleted && !r.Dropped {
				gone = append(gone, uid(bytes.Clone(k)))
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("recover folders: %w", err)
	}
	for _, u := range gone {
		if err := db.finishFolder(ctx, u); err != nil {
			return err
		}
	}
	return nil
}
