package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"

	"github.com/voxparse/voxparse/api"
)

// unreadable remembers which records could not be read. The zero value is usable.
type unreadable struct {
	mu    sync.Mutex
	known map[string]bool
}

// add reports whether the record is one more.
func (u *unreadable) add(b bucketID, key []byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := string(bucketNames[b]) + "/" + string(key)
	if u.known[k] {
		return false
	}
	if u.known == nil {
		u.known = map[string]bool{}
	}
	u.known[k] = true
	return true
}

// Unreadable returns how many records could not be read so far: lists leave
// them out.
func (db *DB) Unreadable() int {
	db.unreadable.mu.Lock()
	defer db.unreadable.mu.Unlock()
	return len(db.unreadable.known)
}

// skip reports whether err says that the record at a key cannot be read; then
// it is counted, and who reads many leaves it out.
func (t *tx) skip(b bucketID, key []byte, err error) bool {
	if !errors.Is(err, errRecord) {
		return false
	}
	if t.db.unreadable.add(b, key) && t.db.log != nil {
		t.db.log.Error("a record of the database cannot be read and is left out", "error", err, "fix", "voxparse daemon stop; voxparse daemon repair")
	}
	return true
}

// dropHints removes the entries by which a delivery that cannot be read would
// be claimed again and again.
func (t *tx) dropHints(h *hook, u uid) {
	for _, b := range []bucketID{bDue, bSeq} {
		for _, k := range t.keysWith(b, h.key[:], 0) {
			if bytes.HasSuffix(k, u[:]) {
				t.del(b, k)
			}
		}
	}
	delete(h.inflight, u)
	h.headStale = true
}

// guard runs what follows bbolt into the mapped file. Damage there makes bbolt
// panic, or the processor fault: that is an error, and the store stops. The next
// start checks the file.
func (db *DB) guard(run func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		db.stop()
		db.log.Error("reading the database failed; the store stops, and the next start checks it", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		err = &api.Error{Code: api.Unknown, Message: fmt.Sprintf("the database cannot be read (%v): restart the daemon, which checks it", p)}
	}()
	return run()
}

// Present returns api.Unavailable once the file that is open here no longer is
// the one that its path names: what is written to it would be gone after the next
// start. Nothing is committed while that is so.
func (db *DB) Present() error {
	is, err := os.Stat(db.path)
	if err == nil && os.SameFile(is, db.file) {
		db.toldLost.Store(false)
		return nil
	}
	how := "was replaced"
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil // who cannot look does not know that it is gone
		}
		how = "was removed"
	}
	if !db.toldLost.Swap(true) {
		db.log.Error("the database "+how+" while the daemon runs; nothing is accepted any more", "path", db.path)
	}
	return api.Errorf(api.Unavailable, "the database %s %s while the daemon runs; nothing is accepted until it is back: save what the daemon has with 'voxparse daemon backup FILE', stop it, and put that back with 'voxparse daemon restore --resume FILE'", db.path, how)
}
