package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/boltfile"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store"
)

// Repaired is what Repair did.
type Repaired struct {
	Copy    string         // of the file as it was
	Kept    map[string]int // records, by kind
	Dropped []Dropped
}

// Dropped is a record that a repair could not keep.
type Dropped struct {
	Kind string // job, result, event, webhook, delivery, attempt, folder, file
	ID   string // its id; of a file, its path; "" where it is not known
	Why  string
}

// repairSuffix marks the new file of a repair, until it is whole.
const repairSuffix = ".repair"

// Repair makes the database at path anew from the records that can be read:
// indexes, queues and counts follow from them. What cannot be read is named. The
// old file stays as it is, under another name. No daemon may have the database
// open: then the error is ErrLocked, and nothing is changed.
func Repair(ctx context.Context, path string) (Repaired, error) {
	release, err := ownLock(path)
	if err != nil {
		return Repaired{}, fmt.Errorf("repair: %w", err)
	}
	defer release()
	f, err := boltfile.OpenDamaged(path)
	if err != nil {
		return Repaired{}, beyondRepair(err)
	}
	defer f.Close()
	if schema, err := schemaIn(ctx, f); err == nil && schema > newestSchema() {
		return Repaired{}, newerSchema(path, schema, newestSchema())
	}
	tmp := path + repairSuffix
	if err := removeRepair(tmp); err != nil {
		return Repaired{}, fmt.Errorf("repair: %w", err)
	}
	r := &repair{old: f, Repaired: Repaired{Kept: map[string]int{}}}
	err = r.build(ctx, tmp)
	if err == nil {
		err = Check(tmp)
	}
	if err == nil {
		r.Copy, err = replace(path, tmp)
	}
	if err != nil {
		return Repaired{}, errors.Join(beyondRepair(err), removeRepair(tmp))
	}
	return r.Repaired, removeRepair(tmp)
}

// beyondRepair words damage that leaves nothing to go on from.
func beyondRepair(err error) error {
	if errors.Is(err, boltfile.ErrDamaged) {
		return api.Errorf(api.Internal, "the database cannot be repaired: %v; nothing was changed\nrestore a backup", err)
	}
	return fmt.Errorf("repair: %w", err)
}

func removeRepair(tmp string) error {
	for _, name := range append(Beside(tmp), tmp) {
		if err := fsx.RemoveIfExists(name); err != nil {
			return err
		}
	}
	return nil
}

// replace puts the new file in the place of the old one, which keeps a name.
func replace(path, tmp string) (copied string, err error) {
	copied = path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000000Z")
	if err := os.Link(path, copied); err != nil {
		if err := copyFile(path, copied); err != nil {
			return "", fmt.Errorf("copy the database: %w", err)
		}
	}
	if err := forgetLast(path); err != nil { // the new file counts anew
		return "", err
	}
	if err := fsx.Rename(tmp, path); err != nil {
		return "", err
	}
	return copied, errors.Join(writeSum(path), markClosed(path))
}

func copyFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return fsx.WriteFileFrom(to, 0o600, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
}

// repair is one repair under way: a walk over the old file for each kind of
// record, into a new store.
type repair struct {
	Repaired
	old *boltfile.File
	db  *DB
	bad map[string]bool // buckets of which a page cannot be read
}

// build fills a new database.
func (r *repair) build(ctx context.Context, tmp string) (err error) {
	r.db, r.bad = newDB(tmp, Config{}), map[string]bool{}
	if r.db.bolt, err = openBolt(tmp, 0); err != nil {
		return err
	}
	if err := r.db.start(false); err != nil {
		return errors.Join(err, r.db.bolt.Close())
	}
	steps := []func(context.Context) error{r.webhooks, r.results, r.jobs, r.strayResults, r.givenUpBlobs, r.events, r.deliveries, r.attempts,
		r.folders, r.files, r.contents, r.finishes, r.duplicates, r.unnamed}
	for _, step := range steps {
		if err = step(ctx); err != nil {
			break
		}
	}
	return errors.Join(err, r.db.Close())
}

func (r *repair) drop(kind, id string, why error) {
	r.Dropped = append(r.Dropped, Dropped{Kind: kind, ID: id, Why: why.Error()})
}

// repairChunk is how many records one commit of a repair writes.
const repairChunk = 500

// each calls put for every entry of a bucket of the old file, in transactions
// of the new one, with copies of key and value.
func (r *repair) each(ctx context.Context, b bucketID, put func(t *tx, k, v []byte) error) error {
	type entry struct{ k, v []byte }
	var todo []entry
	flush := func() error {
		err := r.db.update(ctx, func(t *tx) error {
			for _, e := range todo {
				if err := put(t, e.k, e.v); err != nil {
					return err
				}
			}
			return t.err
		})
		todo = todo[:0]
		return err
	}
	err := r.old.Walk(ctx, boltfile.Visitor{
		Only:    string(bucketNames[b]),
		Damaged: func(bucket string, _ error) { r.bad[bucket] = true },
		Bucket: func(_ string, sequence uint64) error {
			if b != bEvent {
				return nil
			}
			return r.db.update(ctx, func(t *tx) error { t.wrote = true; return t.at(bEvent).SetSequence(sequence) })
		},
		Entry: func(_ string, k, v []byte) error {
			if todo = append(todo, entry{k, v}); len(todo) < repairChunk {
				return nil
			}
			return flush()
		},
	})
	if err == nil && r.bad[""] {
		return errRoot
	}
	return errors.Join(err, flush())
}

// errRoot says that nothing can be found in the file.
var errRoot = fmt.Errorf("the page that says where everything is: %w", boltfile.ErrDamaged)

// unnamed names what an index of the old file knows and no page had.
func (r *repair) unnamed(ctx context.Context) error {
	named := map[string]bool{}
	for _, d := range r.Dropped {
		named[d.ID] = true
	}
	lost := errors.New("its page cannot be read")
	for _, i := range []struct {
		index, records bucketID
		kind, prefix   string
		at             int // where in the key the id begins
	}{{bJobStatus, bJob, "job", api.JobPrefix, 1}, {bDeliveryStatus, bDelivery, "delivery", api.DeliveryPrefix, 17}, {bEventID, bEvent, "event", api.EventPrefix, 0}} {
		if !r.bad[string(bucketNames[i.records])] {
			continue
		}
		err := r.each(ctx, i.index, func(t *tx, k, v []byte) error {
			if len(k) != i.at+16 {
				return nil
			}
			key := k[i.at:]
			id := store.FormatID(i.prefix, uid(key))
			if i.records == bEvent {
				key = v
			}
			if !named[id] && t.get(i.records, key) == nil {
				r.drop(i.kind, id, lost)
				named[id] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.bad)) {
		r.drop("page", "", fmt.Errorf("a page of the bucket %q cannot be read", name))
	}
	return nil
}

// newDB returns a store without its file.
func newDB(path string, opts Config) *DB {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	db := &DB{log: opts.Logger, opts: opts.Options, path: path, failed: make(chan struct{}), hooks: map[uid]*hook{}}
	for _, c := range []*chan struct{}{&db.jobsReady, &db.deliveriesReady, &db.eventsReady, &db.finishesReady, &db.filesDropped} {
		*c = make(chan struct{}, 1)
	}
	return db
}
