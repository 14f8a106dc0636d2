package boltstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// RetryFile queues the job of a failed or cancelled file again, as Retry does:
// somebody deleted its error file. With api.NotFound the job is purged, and
// the file can only be dropped, to be claimed anew.
func (db *DB) RetryFile(ctx context.Context, folderID, path string) (got store.Job, err error) {
	err = db.fileUpdate(ctx, folderID, path, func(t *tx, f *fileRecord) error {
		r, err := t.job(f.JobID)
		if err != nil {
			return err
		}
		if f.Status != store.FileFailed && f.Status != store.FileCancelled {
			return api.Errorf(api.Conflict, "it is %s", f.Status)
		}
		if err := t.retry(r); err != nil {
			return err
		}
		got = r.Job
		return nil
	})
	if err != nil {
		return store.Job{}, fmt.Errorf("retry file %q: %w", path, err)
	}
	return got, nil
}

// DropFile removes what is known of a file, so that the next look claims it
// as if it were new. Its open job is cancelled.
func (db *DB) DropFile(ctx context.Context, folderID, path string) error {
	err := db.fileUpdate(ctx, folderID, path, func(t *tx, f *fileRecord) error {
		if err := t.cancelJobOf(f); err != nil {
			return err
		}
		t.removeFile(f)
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop file %q: %w", path, err)
	}
	return nil
}

func (db *DB) fileUpdate(ctx context.Context, folderID, path string, change func(*tx, *fileRecord) error) error {
	return db.update(ctx, func(t *tx) error {
		_, u, err := t.loadFolder(folderID)
		if err != nil {
			return err
		}
		k := fileKey(u, path)
		f, err := loadFile(t.get(bFile, k), k)
		if err != nil {
			return err
		}
		return change(t, f)
	})
}

// IgnoreFiles records files that were in the folder before it was watched and
// are to be left alone. A file that is known already stays as it is. Path and
// Stamp of the claims are used, and SHA256 where it is known.
func (db *DB) IgnoreFiles(ctx context.Context, folderID string, claims []store.FileClaim) error {
	for part := range slices.Chunk(claims, store.MaxFileClaims) {
		err := db.update(ctx, func(t *tx) error {
			f, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			for _, c := range part {
				k := fileKey(u, c.Path)
				if t.get(bFile, k) != nil {
					continue
				}
				r := &fileRecord{key: k, FileRecord: store.FileRecord{Folder: f.ID, Path: c.Path, Stamp: c.Stamp, SHA256: c.SHA256,
					Status: store.FileIgnored, Reason: "it was there before the folder was watched"}}
				t.saveFile(r)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ignore files of folder %s: %w", folderID, err)
		}
	}
	return nil
}

// DropIgnored removes what is known of the files of a folder that are ignored,
// so that the next look claims them as if they were new. It returns how many
// there were, and makes several commits where there are many.
func (db *DB) DropIgnored(ctx context.Context, folderID string) (n int, err error) {
	for after, more := "", true; more; {
		part, last := 0, after
		err := db.update(ctx, func(t *tx) error {
			_, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			keys := t.filesAfter(u, store.FileIgnored, after, store.MaxFileClaims)
			part, more = 0, len(keys) == store.MaxFileClaims
			for _, k := range keys {
				last = string(k[16:])
				f, err := loadFile(t.get(bFile, k), k)
				if t.skip(bFile, k, err) {
					continue
				}
				if err != nil {
					return err
				}
				t.removeFile(f)
				part++
			}
			return nil
		})
		if err != nil {
			return n, fmt.Errorf("drop the ignored files of folder %s: %w", folderID, err)
		}
		n, after = n+part, last
	}
	return n, nil
}
