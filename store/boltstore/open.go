package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store"
)

// FileName is the name of the database in the data folder.
const FileName = "voxparse.db"

// DefaultMmapSize is how much of the file is mapped at open. Growing the map
// waits for every reader, so it is made large at once; it costs address space
// only.
const DefaultMmapSize = 1 << 30

// Config are the settings of Open. The zero value is usable.
type Config struct {
	store.Options
	InitialMmapSize int // bytes; 0 for DefaultMmapSize

	// Check, if set, is called with the path of a database that was not
	// closed properly, or that is not as it was then, before it is opened here.
	// It should run Check in a child process.
	Check func(ctx context.Context, path string) error

	// Traces are files and folders that come to be only once there is a
	// database. Where one is there, and of a folder something in it, a database
	// that is missing or empty was lost, and Open refuses.
	Traces []string
}

// DB is the store in one bbolt file. Its methods may be called from many
// goroutines at once.
type DB struct {
	bolt *bolt.DB
	log  *slog.Logger
	opts store.Options
	path string

	committer committer
	failed    chan struct{}
	failOnce  sync.Once
	closeOnce sync.Once
	closeErr  error

	jobsReady, deliveriesReady, eventsReady, finishesReady, filesDropped chan struct{}

	// What follows is as of the last commit. Only the committer writes it,
	// under mu; the committer reads it without.
	mu     sync.RWMutex
	counts counts
	hooks  map[uid]*hook
	order  []uid // of hooks

	unreadable unreadable
	file       os.FileInfo // of the open file
	toldLost   atomic.Bool
	resting    atomic.Bool // it is from the past, and not at rest yet

	lastServed uid    // of the last ClaimDeliveries; committer only
	records    []byte // the buffer for the next transaction's records; committer only
}

var _ store.Store = (*DB)(nil)

// ErrLocked says that another process has the database open. It is an
// api.Conflict.
var ErrLocked = fmt.Errorf("another voxparse daemon is using this data folder: %w", api.Conflict)

// RefuseNetwork returns an api.Invalid error, which names the file system, when
// dir is on one of a network: there locks and maps of a database are not to be
// trusted. Open does so by itself.
func RefuseNetwork(dir string) error {
	kind, err := fsx.NetworkKind(dir)
	if err != nil {
		return err
	}
	if kind != "" {
		return api.Errorf(api.Invalid, "the data folder %s is on %s, where a database is not safe; set data_dir to a folder on a local disk", dir, kind)
	}
	return nil
}

// Open opens the database in the folder dir, and makes both where they do not
// exist. The caller closes it. The error is ErrLocked when another process
// holds it, and api.Invalid for a folder on a network file system, a database of
// a newer program, and one that was lost. It returns early once ctx ends.
func Open(ctx context.Context, dir string, opts Config) (*DB, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.InitialMmapSize == 0 {
		opts.InitialMmapSize = DefaultMmapSize
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if err := RefuseNetwork(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, FileName)
	checkLater, err := gate(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	db := newDB(path, opts)
	if db.bolt, err = openNamed(path, opts.InitialMmapSize); err != nil {
		return nil, err
	}
	seen, err := readLast(path)
	past := seen.restored || db.lastCommitted() < seen.id
	if err == nil {
		err = db.start(checkLater)
	}
	if err != nil {
		return nil, errors.Join(err, db.bolt.Close())
	}
	if past {
		if err := db.rest(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	if err := db.setBackSince(ctx, seen.at); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.noteLast()
	return db, nil
}

func openBolt(path string, mmap int) (*bolt.DB, error) {
	b, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:         time.Nanosecond, // one try
		NoFreelistSync:  true,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: mmap,
		NoStatistics:    true,
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return b, nil
}

// openNamed opens the file that path names, also afterwards: a compaction may
// put another in its place between the opening and the lock. Then the lock is
// on a file that nobody will find again.
func openNamed(path string, mmap int) (*bolt.DB, error) {
	was, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open database: %w", err)
	}
	b, err := openBolt(path, mmap)
	if err != nil || was == nil {
		return b, err
	}
	if is, err := os.Stat(path); err != nil || !os.SameFile(was, is) {
		return nil, errors.Join(ErrLocked, err, b.Close())
	}
	return b, nil
}

// removeLeftovers removes what a compaction or migration that was cut short
// left beside the database. Call it with the lock held.
func removeLeftovers(path string) error {
	old, err := filepath.Glob(path + ".schema-*" + partSuffix)
	if err != nil {
		return err
	}
	for _, name := range append(old, path+compactSuffix, path+repairSuffix) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// start prepares the file, loads the memory and runs the committer.
func (db *DB) start(check bool) error {
	var err error
	if db.file, err = os.Stat(db.path); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := removeLeftovers(db.path); err != nil {
		return fmt.Errorf("clear up beside the database: %w", err)
	}
	if err := migrate(db.bolt, db.path, migrations, db.log); err != nil {
		return err
	}
	if check {
		if err := db.bolt.View(checkRecords); err != nil {
			return err
		}
	}
	if err := markOpen(db.path); err != nil {
		return err
	}
	if err := db.load(); err != nil {
		return fmt.Errorf("load database: %w", err)
	}
	db.committer = committer{wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go db.loop()
	return nil
}

// load fills the memory from the file.
func (db *DB) load() error {
	return db.bolt.View(func(b *bolt.Tx) error {
		t := &tx{db: db, bolt: b}
		c := &db.counts
		if err := c.decode(t.get(bMeta, keyCounts)); err != nil {
			return err
		}
		return t.at(bWebhook).ForEach(func(k, v []byte) error {
			h := &hook{key: uid(k), inflight: map[uid]int64{}}
			if err := decode(v, webhookVersion, &h.webhookRecord); err != nil {
				if t.skip(bWebhook, k, err) {
					return nil
				}
				return fmt.Errorf("read webhook: %w", err)
			}
			if err := decodeCounts(t.get(bWebhookCounts, k), h.counts[:]); err != nil {
				return err
			}
			if err := t.loadInflight(h); err != nil {
				return err
			}
			t.refreshHead(h)
			db.hooks[h.key] = h
			db.order = append(db.order, h.key)
			return nil
		})
	})
}

func (t *tx) loadInflight(h *hook) error {
	prefix := append(h.key[:], deliveryStatusByte(api.DeliveryInFlight))
	c := t.at(bDeliveryStatus).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		r, err := t.delivery(uid(k[17:]))
		if t.skip(bDelivery, k[17:], err) {
			continue
		}
		if err != nil {
			return err
		}
		h.inflight[r.key] = r.leaseKey()
	}
	return nil
}

// Close commits what is queued and closes the database. Calls that come later
// get api.Unavailable. Open readers are waited for.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		c := &db.committer
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		close(c.quit)
		<-c.ended
		here := db.Present() == nil
		if here {
			db.keepFreelist()
		}
		if here && !db.stopped() && !db.resting.Load() {
			db.noteLast()
			db.closeErr = writeSum(db.path)
		}
		db.closeErr = errors.Join(db.closeErr, db.bolt.Close())
		if db.closeErr == nil && here && !db.stopped() {
			db.closeErr = markClosed(db.path)
		}
	})
	return db.closeErr
}

// keepFreelist writes the list of free pages, which no other commit does: the
// next open then need not read the whole file to find them. Without it, as
// after a crash, the open is slower and nothing else.
func (db *DB) keepFreelist() {
	if db.stopped() {
		return
	}
	db.bolt.NoFreelistSync = false
	if err := db.bolt.Update(func(*bolt.Tx) error { return nil }); err != nil {
		db.log.Warn("write the list of free pages", "error", err)
	}
}

// Failed is closed when the outcome of a commit is unknown. The store then
// refuses every call, and the daemon must stop.
func (db *DB) Failed() <-chan struct{} { return db.failed }

// JobsReady receives after a commit that may have made a job claimable. It
// holds one signal for any number of commits.
func (db *DB) JobsReady() <-chan struct{} { return db.jobsReady }

// DeliveriesReady receives after a commit that may have made a delivery
// claimable. It holds one signal for any number of commits.
func (db *DB) DeliveriesReady() <-chan struct{} { return db.deliveriesReady }

// EventsReady receives after a commit that wrote an event. It holds one signal
// for any number of commits.
func (db *DB) EventsReady() <-chan struct{} { return db.eventsReady }

// FinishesReady receives after a commit that left something to do with a
// folder's file. It holds one signal for any number of commits.
func (db *DB) FinishesReady() <-chan struct{} { return db.finishesReady }

// FilesDropped receives after a commit that dropped files of drop folders
// which are to be claimed anew: duplicates of one that was not transcribed.
func (db *DB) FilesDropped() <-chan struct{} { return db.filesDropped }

// view runs a read of at most maxRows rows.
func (db *DB) view(ctx context.Context, read func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return &api.Error{Code: api.Unavailable, Message: "read the store: " + context.Cause(ctx).Error()}
	}
	if db.stopped() {
		return errFailed
	}
	err := db.guard(func() error {
		return db.bolt.View(func(b *bolt.Tx) error { return read(&tx{db: db, bolt: b}) })
	})
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return errClosed
	}
	return err
}

// maxRows bounds a read transaction: pages that a long one still sees cannot
// be used again.
const maxRows = 200

// now returns the time of a transition.
func (db *DB) now() time.Time {
	if db.opts.Now != nil {
		return store.Timestamp(db.opts.Now())
	}
	return store.Timestamp(time.Now())
}

// hookNow returns a webhook as of the last commit, nil when there is none.
func (db *DB) hookNow(u uid) *hook {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.hooks[u]
}
