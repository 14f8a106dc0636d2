package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// The numbers are kept for ever.
var fileStatuses = [...]store.FileStatus{store.FileQueued, store.FileDone, store.FileSkipped, store.FileFailed, store.FileCancelled, store.FileIgnored}

const nFileStatuses = len(fileStatuses)

const fileVersion = 1

type fileRecord struct {
	newer
	store.FileRecord
	key []byte // folder path
	was *byte  // status in the index; nil for a new record
}

func (r *fileRecord) walk(c *coder) {
	f := &r.FileRecord
	c.id(api.FolderPrefix, &f.Folder)
	c.str(&f.Path)
	v := byte(max(slices.Index(fileStatuses[:], f.Status), 0))
	if c.byte(&v); int(v) >= nFileStatuses {
		c.fail()
		return
	}
	f.Status = fileStatuses[v]
	walkStamp(c, &f.Stamp)
	c.str(&f.SHA256)
	c.str(&f.Options)
	c.id(api.JobPrefix, &f.JobID)
	c.str(&f.Reason)
	c.time(&f.ChangedAt)
	c.strs(&f.Outputs)
	c.str(&f.MovedTo)
	c.bool(&f.Gone)
}

func walkStamp(c *coder, s *store.FileStamp) {
	c.uint(&s.Device)
	c.uint(&s.Inode)
	c.int64(&s.Size)
	c.time(&s.MTime)
}

func fileKey(folder uid, path string) []byte { return append(folder[:], path...) }

func loadFile(v, key []byte) (*fileRecord, error) {
	r := &fileRecord{key: bytes.Clone(key)}
	if v == nil {
		return nil, api.Errorf(api.NotFound, "the file %q is not known", key[16:])
	}
	if err := decode(v, fileVersion, r); err != nil {
		return nil, fmt.Errorf("read file %q: %w", key[16:], err)
	}
	s := byte(slices.Index(fileStatuses[:], r.Status))
	r.was = &s
	return r, nil
}

func (r *fileRecord) folder() uid { return uid(r.key[:16]) }

// saveFile writes a file's record, its index entry and its folder's counts.
func (t *tx) saveFile(r *fileRecord) {
	is := byte(slices.Index(fileStatuses[:], r.Status))
	r.ChangedAt = t.now
	if r.was == nil || *r.was != is {
		n := t.fileCounts(r.folder())
		if r.was != nil {
			t.del(bFileStatus, fileStatusKey(r.key, *r.was))
			n[*r.was]--
		}
		t.put(bFileStatus, fileStatusKey(r.key, is), nil)
		n[is]++
		r.was = &is
	}
	t.putRecord(bFile, r.key, fileVersion, r)
}

func fileStatusKey(key []byte, status byte) []byte {
	return append(append(slices.Clone(key[:16]), status), key[16:]...)
}

// fileCounts returns a folder's counts, for changing.
func (t *tx) fileCounts(u uid) *[nFileStatuses]int {
	if n := t.folders[u]; n != nil {
		return n
	}
	n := new([nFileStatuses]int)
	if err := decodeCounts(t.get(bFolderCounts, u[:]), n[:]); err != nil {
		t.err = err
	}
	if t.folders == nil {
		t.folders = map[uid]*[nFileStatuses]int{}
	}
	t.folders[u] = n
	return n
}

// removeFile forgets a file: its content may be claimed again.
func (t *tx) removeFile(r *fileRecord) {
	t.dropContent(r)
	t.dropDuplicate(r)
	t.del(bFinish, r.key)
	t.del(bFileStatus, fileStatusKey(r.key, *r.was))
	t.fileCounts(r.folder())[*r.was]--
	t.del(bFile, r.key)
}

// dropContent gives up the file's claim on its content, in either scope.
func (t *tx) dropContent(r *fileRecord) {
	for _, scope := range store.ContentScopes {
		k := store.ContentKey(r.folder(), scope, r.SHA256, r.Options)
		if bytes.Equal(t.get(bContent, k), r.key) {
			t.del(bContent, k)
		}
	}
}

// takeContent claims the file's content in both scopes, where they are free:
// a folder whose scope changes later still knows its contents.
func (t *tx) takeContent(r *fileRecord) {
	for _, scope := range store.ContentScopes {
		k := store.ContentKey(r.folder(), scope, r.SHA256, r.Options)
		if t.get(bContent, k) == nil {
			t.put(bContent, k, r.key)
		}
	}
}

// File returns what is known of a file, or api.NotFound.
func (db *DB) File(ctx context.Context, folderID, path string) (got store.FileRecord, err error) {
	err = db.view(ctx, func(t *tx) error {
		_, u, err := t.loadFolder(folderID)
		if err != nil {
			return err
		}
		k := fileKey(u, path)
		r, err := loadFile(t.get(bFile, k), k)
		if err == nil {
			got = r.FileRecord
		}
		return err
	})
	if err != nil {
		return store.FileRecord{}, fmt.Errorf("look up a file of folder %s: %w", folderID, err)
	}
	return got, nil
}

// LookFiles returns what is known of the files with the given paths. A file
// whose record has an equal stamp need not be hashed again. One whose record
// cannot be read is left out, like one that is not known: File and a check of
// the database say what is wrong with it.
func (db *DB) LookFiles(ctx context.Context, folderID string, paths []string) (map[string]store.FileRecord, error) {
	got := make(map[string]store.FileRecord, len(paths))
	for part := range slices.Chunk(paths, maxRows) {
		err := db.view(ctx, func(t *tx) error {
			_, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			for _, p := range part {
				k := fileKey(u, p)
				if r, err := loadFile(t.get(bFile, k), k); err == nil {
					got[p] = r.FileRecord
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look up files of folder %s: %w", folderID, err)
		}
	}
	return got, nil
}

// Files returns up to limit files of a folder in a status, or of all with "",
// in order of their paths, from the one after the path after.
func (db *DB) Files(ctx context.Context, folderID string, status store.FileStatus, after string, limit int) ([]store.FileRecord, error) {
	var files []store.FileRecord
	if status != "" && !slices.Contains(fileStatuses[:], status) {
		return nil, api.Errorf(api.Invalid, "%q is not a status of a file", status)
	}
	for more := true; more && len(files) < limit; {
		err := db.view(ctx, func(t *tx) error {
			_, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			keys := t.filesAfter(u, status, after, min(limit-len(files), maxRows))
			for _, k := range keys {
				after = string(k[16:])
				r, err := loadFile(t.get(bFile, k), k)
				if t.skip(bFile, k, err) {
					continue
				}
				if err != nil {
					return err
				}
				files = append(files, r.FileRecord)
			}
			more = len(keys) > 0
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list files of folder %s: %w", folderID, err)
		}
	}
	return files, nil
}

// filesAfter returns the keys of up to n files after a path.
func (t *tx) filesAfter(u uid, status store.FileStatus, after string, n int) [][]byte {
	b, prefix := bFile, u[:]
	if status != "" {
		b, prefix = bFileStatus, append(u[:], byte(slices.Index(fileStatuses[:], status)))
	}
	from := append(slices.Clone(prefix), after...)
	var keys [][]byte
	c := t.at(b).Cursor()
	for k, _ := c.Seek(from); bytes.HasPrefix(k, prefix) && len(keys) < n; k, _ = c.Next() {
		if path := string(k[len(prefix):]); after == "" || path > after {
			keys = append(keys, fileKey(u, path))
		}
	}
	return keys
}

// CountFiles returns how many files of a folder are in each status.
func (db *DB) CountFiles(ctx context.Context, folderID string) (map[store.FileStatus]int, error) {
	n := make(map[store.FileStatus]int, nFileStatuses)
	err := db.view(ctx, func(t *tx) error {
		_, u, err := t.loadFolder(folderID)
		if err != nil {
			return err
		}
		for s, c := range t.fileCounts(u) {
			n[fileStatuses[s]] = c
		}
		return t.err
	})
	return n, err
}
