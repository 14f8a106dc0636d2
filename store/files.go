package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
)

// FileState is where a file of a drop folder stands.
type FileState string

// The states of a file. What is not complete yet, or cannot be read, is not in
// the store.
const (
	FileQueued    FileState = "queued"    // its job is open
	FileDone      FileState = "done"      // transcribed
	FileSkipped   FileState = "skipped"   // a duplicate of one that is queued or done
	FileFailed    FileState = "failed"    // its job failed for good
	FileCancelled FileState = "cancelled" // its job was cancelled
	FileIgnored   FileState = "ignored"   // was there before the folder was watched
)

// The numbers are kept for ever.
var fileStates = [...]FileState{FileQueued, FileDone, FileSkipped, FileFailed, FileCancelled, FileIgnored}

const nFileStates = len(fileStates)

// FileStamp is what tells, without reading it, that a file is the same.
type FileStamp struct {
	Device uint64
	Inode  uint64
	Size   int64 // bytes
	MTime  time.Time
}

// Equal reports whether two stamps are of the same unchanged file.
func (s FileStamp) Equal(o FileStamp) bool {
	return s.Device == o.Device && s.Inode == o.Inode && s.Size == o.Size && s.MTime.Equal(o.MTime)
}

// FileRecord is a file of a drop folder that was complete once.
type FileRecord struct {
	Folder    string // id
	Path      string // below the folder; raw bytes
	State     FileState
	Stamp     FileStamp // when it was hashed
	SHA256    string    // of the content, lower-case hex
	Options   string    // hash of the options that it was claimed under
	JobID     string    // of a duplicate: the job that has its transcript
	Reason    string    // one line for people
	ChangedAt time.Time
	Outputs   []string // paths of the files that we wrote for it
	MovedTo   string   // path below the folder that it was moved to; "" where it was not
	Gone      bool     // we moved or deleted it: a file of its name is another
}

// FileClaim asks for one file to be transcribed.
type FileClaim struct {
	Path    string
	Stamp   FileStamp
	SHA256  string
	Options string // hash of all that changes the transcript
	Job     Job    // to submit; the store sets its queue and its source's folder and path
	Skip    Finish // what to do with the file when it turns out to be a duplicate
}

// MaxFileClaims is how many claims go into one commit at most.
const MaxFileClaims = 500

const fileVersion = 1

type fileRecord struct {
	FileRecord
	key []byte // folder path
	was *byte  // state in the index; nil for a new record
}

func (r *fileRecord) walk(c *coder) {
	f := &r.FileRecord
	c.id(api.FolderPrefix, &f.Folder)
	c.str(&f.Path)
	v := byte(max(slices.Index(fileStates[:], f.State), 0))
	if c.byte(&v); int(v) >= nFileStates {
		c.fail()
		return
	}
	f.State = fileStates[v]
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

func walkStamp(c *coder, s *FileStamp) {
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
	s := byte(slices.Index(fileStates[:], r.State))
	r.was = &s
	return r, nil
}

func (r *fileRecord) folder() uid { return uid(r.key[:16]) }

// saveFile writes a file's record, its index entry and its folder's counts.
func (t *tx) saveFile(r *fileRecord) {
	is := byte(slices.Index(fileStates[:], r.State))
	r.ChangedAt = t.now
	if r.was == nil || *r.was != is {
		n := t.fileCounts(r.folder())
		if r.was != nil {
			t.del(bFileState, fileStateKey(r.key, *r.was))
			n[*r.was]--
		}
		t.put(bFileState, fileStateKey(r.key, is), nil)
		n[is]++
		r.was = &is
	}
	t.putRecord(bFile, r.key, fileVersion, r)
}

func fileStateKey(key []byte, state byte) []byte {
	return append(append(slices.Clone(key[:16]), state), key[16:]...)
}

// fileCounts returns a folder's counts, for changing.
func (t *tx) fileCounts(u uid) *[nFileStates]int {
	if n := t.folders[u]; n != nil {
		return n
	}
	n := new([nFileStates]int)
	if err := decodeCounts(t.get(bFolderCounts, u[:]), n[:]); err != nil {
		t.err = err
	}
	if t.folders == nil {
		t.folders = map[uid]*[nFileStates]int{}
	}
	t.folders[u] = n
	return n
}

// removeFile forgets a file: its content may be claimed again.
func (t *tx) removeFile(r *fileRecord) {
	t.dropContent(r)
	t.dropDuplicate(r)
	t.del(bFinish, r.key)
	t.del(bFileState, fileStateKey(r.key, *r.was))
	t.fileCounts(r.folder())[*r.was]--
	t.del(bFile, r.key)
}

// Contents are kept under their scope, so that one lookup finds a duplicate.

func contentKey(folder uid, dedupe string, sha, options string) []byte {
	h := sha256.New()
	if dedupe == DedupeGlobal {
		folder = uid{}
	}
	h.Write(folder[:])
	for _, s := range []string{sha, options} {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return h.Sum(nil)
}

// The scopes in which a content is transcribed once, in
// api.FolderOptions.Dedupe. "" is DedupeFolder.
const (
	DedupeFolder = "folder"
	DedupeGlobal = "global"
	DedupeOff    = "off"
)

// dropContent gives up the file's claim on its content, in either scope.
func (t *tx) dropContent(r *fileRecord) {
	for _, scope := range []string{DedupeFolder, DedupeGlobal} {
		k := contentKey(r.folder(), scope, r.SHA256, r.Options)
		if bytes.Equal(t.get(bContent, k), r.key) {
			t.del(bContent, k)
		}
	}
}

// takeContent claims the file's content in both scopes, where they are free:
// a folder whose scope changes later still knows its contents.
func (t *tx) takeContent(r *fileRecord) {
	for _, scope := range []string{DedupeFolder, DedupeGlobal} {
		k := contentKey(r.folder(), scope, r.SHA256, r.Options)
		if t.get(bContent, k) == nil {
			t.put(bContent, k, r.key)
		}
	}
}

// File returns what is known of a file, or api.NotFound.
func (db *DB) File(ctx context.Context, folderID, path string) (FileRecord, error) {
	got, err := db.LookFiles(ctx, folderID, []string{path})
	if err != nil {
		return FileRecord{}, err
	}
	f, ok := got[path]
	if !ok {
		return FileRecord{}, api.Errorf(api.NotFound, "the file %q is not known", path)
	}
	return f, nil
}

// LookFiles returns what is known of the files with the given paths. A file
// whose record has an equal stamp need not be hashed again.
func (db *DB) LookFiles(ctx context.Context, folderID string, paths []string) (map[string]FileRecord, error) {
	got := make(map[string]FileRecord)
	for part := range slices.Chunk(paths, maxRows) {
		err := db.view(ctx, func(t *tx) error {
			_, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			for _, p := range part {
				k := fileKey(u, p)
				v := t.get(bFile, k)
				if v == nil {
					continue
				}
				r, err := loadFile(v, k)
				if err != nil {
					return err
				}
				got[p] = r.FileRecord
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look up files of folder %s: %w", folderID, err)
		}
	}
	return got, nil
}

// Files returns up to limit files of a folder in a state, or of all with "",
// in order of their paths, from the one after the path after.
func (db *DB) Files(ctx context.Context, folderID string, state FileState, after string, limit int) ([]FileRecord, error) {
	var files []FileRecord
	if state != "" && !slices.Contains(fileStates[:], state) {
		return nil, api.Errorf(api.Invalid, "%q is not a state of a file", state)
	}
	for more := true; more && len(files) < limit; {
		err := db.view(ctx, func(t *tx) error {
			_, u, err := t.loadFolder(folderID)
			if err != nil {
				return err
			}
			keys := t.filesAfter(u, state, after, min(limit-len(files), maxRows))
			for _, k := range keys {
				r, err := loadFile(t.get(bFile, k), k)
				if err != nil {
					return err
				}
				files, after = append(files, r.FileRecord), r.Path
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
func (t *tx) filesAfter(u uid, state FileState, after string, n int) [][]byte {
	b, prefix := bFile, u[:]
	if state != "" {
		b, prefix = bFileState, append(u[:], byte(slices.Index(fileStates[:], state)))
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

// CountFiles returns how many files of a folder are in each state.
func (db *DB) CountFiles(ctx context.Context, folderID string) (map[FileState]int, error) {
	n := make(map[FileState]int, nFileStates)
	err := db.view(ctx, func(t *tx) error {
		_, u, err := t.loadFolder(folderID)
		if err != nil {
			return err
		}
		for s, c := range t.fileCounts(u) {
			n[fileStates[s]] = c
		}
		return t.err
	})
	return n, err
}
