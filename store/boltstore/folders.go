package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

const folderVersion = 1

type folderRecord struct {
	newer
	store.FolderRecord
	Deleted bool // its files are being dropped
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
// the same id returns what exists. Another folder with the same Dir gives
// api.Conflict.
func (db *DB) CreateFolder(ctx context.Context, f store.FolderRecord) (got store.FolderRecord, err error) {
	u, err := store.ParseID(api.FolderPrefix, f.ID)
	if err != nil {
		return store.FolderRecord{}, api.Errorf(api.Invalid, "create folder: %q is not the id of a folder", f.ID)
	}
	err = db.update(ctx, func(t *tx) error {
		if t.get(bFolder, u[:]) != nil {
			r, _, err := t.loadFolder(f.ID)
			if err == nil {
				got = r.FolderRecord
			}
			return err
		}
		if other, err := t.folderWithDir(f.Dir); err != nil || other != "" {
			return orError(err, api.Errorf(api.Conflict, "%s is watched already, as %s", f.Dir, other))
		}
		r := &folderRecord{FolderRecord: f}
		r.Revision = 1
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
			if !r.Deleted {
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

// DeleteFolder drops a drop folder and its files, and cancels their open
// jobs; no file on disk is touched. It makes several commits where there are
// many files; from the first of them the folder is gone for everybody, and
// Recover ends what a crash leaves.
func (db *DB) DeleteFolder(ctx context.Context, id string) error {
	var u uid
	err := db.update(ctx, func(t *tx) error {
		r, at, err := t.loadFolder(id)
		if err != nil {
			return err
		}
		u, r.Deleted = at, true
		r.Revision++
		t.putRecord(bFolder, u[:], folderVersion, r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete folder %s: %w", id, err)
	}
	return db.finishFolder(ctx, u)
}

func (db *DB) finishFolder(ctx context.Context, u uid) error {
	for done := false; !done; {
		err := db.update(ctx, func(t *tx) error {
			var err error
			done, err = t.dropSome(u)
			return err
		})
		if err != nil {
			return fmt.Errorf("drop the files of folder %s: %w", store.FormatID(api.FolderPrefix, u), err)
		}
	}
	return nil
}

// dropSome drops some files of a deleted folder, and the folder when there
// is none left.
func (t *tx) dropSome(u uid) (done bool, err error) {
	keys := t.keysWith(bFile, u[:], deleteChunk)
	for _, k := range keys {
		r, err := loadFile(t.get(bFile, k), k)
		if errors.Is(err, api.NotFound) {
			continue // it was a duplicate of one before it
		}
		if err != nil {
			return false, err
		}
		if err := t.cancelJobOf(r); err != nil {
			return false, err
		}
		t.removeFile(r)
	}
	if len(keys) > 0 {
		return false, nil
	}
	delete(t.folders, u)
	t.del(bFolderCounts, u[:])
	t.del(bFolder, u[:])
	return true, nil
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
			if r.Deleted {
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
