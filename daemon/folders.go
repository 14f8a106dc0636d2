package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/watch"
)

// folders are the drop folders that are watched now. A folder comes from the
// config file or from a command; either way its record and those of its files
// are in the store, and what is here can be made again from them.
type folders struct {
	d     *Daemon
	mu    sync.Mutex
	all   map[string]*folder
	clean map[string]*cleaning // by folder, also while it is not in all
	held  map[string]error     // by path: why a folder that should be watched is not
	watch context.Context      // ends when no more files are to be taken
	tasks sync.WaitGroup
	tempo tempo
	stuck chan struct{}           // capacity 1: the outputs of a folder cannot be written
	step  func(name string) error // tests: called between any two steps of a file's end
}

// tempo is how often what cannot be done is tried again; tests quicken it.
type tempo struct {
	finish time.Duration // a source that could not be finished
	hold   time.Duration // how long a result is kept in memory while its outputs cannot be written
	probe  time.Duration // whether the outputs of a folder can be written again
}

// folder is one that is watched.
type folder struct {
	d       *Daemon
	id      string
	rules   watch.Rules
	watcher *watch.Watcher
	cancel  context.CancelFunc
	done    chan struct{}
	clean   *cleaning

	rec     atomic.Pointer[store.FolderRecord]
	finish  atomic.Pointer[watch.Finisher] // a new one when the folder's identity changes
	wanted  atomic.Int64                   // bytes of the outputs that could not be written last
	blocked atomic.Pointer[setback]        // why no outputs can be written
	late    atomic.Pointer[setback]        // why sources cannot be finished
}

func newFolders(d *Daemon) *folders {
	return &folders{d: d, all: map[string]*folder{}, clean: map[string]*cleaning{}, held: map[string]error{}, stuck: make(chan struct{}, 1),
		tempo: tempo{finish: 30 * time.Second, hold: 10 * time.Second, probe: restLook}}
}

// open brings the store in line with the config file and watches every folder
// until ctx ends. tasks is done once all of them have stopped.
func (fs *folders) open(ctx context.Context) error {
	fs.watch = ctx
	for _, c := range fs.d.cfg.Folders {
		if err := fs.configure(ctx, c); err != nil && !fs.configureLater(ctx, c, err) {
			return fmt.Errorf("folder %s of the config file: %w", c.Dir, err)
		}
	}
	recs, err := fs.d.db.Folders(ctx)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if isFromConfig(rec) && !fs.inConfig(rec.Dir) {
			continue // taken out of the file: what is known of it stays
		}
		fs.startApart(rec)
	}
	return nil
}

// startApart watches a folder that is recorded, unless files of it would be
// taken twice.
func (fs *folders) startApart(rec store.FolderRecord) {
	err := fs.d.checkApart(rec.Dir)
	if err == nil {
		err = fs.start(rec)
	}
	fs.hold(rec.Dir, err)
	if err != nil {
		fs.d.log.Error("watch a folder", "folder", rec.ID, "dir", rec.Dir, "error", err)
	}
}

// create records a folder. Where what lies there is to be left alone, the
// folder is paused until all of that is recorded: a crash must not take it.
func (fs *folders) create(ctx context.Context, rec store.FolderRecord, ignore bool) error {
	rules, err := watch.ParseRules(rec.Options)
	if err != nil {
		return err
	}
	paused := rec.Options.Paused
	rec.Options.Paused = paused || ignore
	if _, err := fs.d.db.CreateFolder(ctx, rec); err != nil {
		return err
	}
	if !ignore {
		return nil
	}
	if err := fs.ignoreExisting(ctx, rec, rules); err != nil {
		return errors.Join(err, fs.d.db.DeleteFolder(context.WithoutCancel(ctx), rec.ID))
	}
	_, err = fs.d.db.UpdateFolder(ctx, rec.ID, func(r *store.FolderRecord) error {
		r.Options.Paused = paused
		return nil
	})
	return err
}

// ignoreExisting records the files that lie in a folder as not to be taken.
func (fs *folders) ignoreExisting(ctx context.Context, rec store.FolderRecord, rules watch.Rules) error {
	var claims []store.FileClaim
	flush := func() error {
		if len(claims) == 0 {
			return nil
		}
		err := fs.d.db.IgnoreFiles(ctx, rec.ID, claims)
		claims = claims[:0]
		return err
	}
	err := watch.List(ctx, watch.Place{Dir: rec.Dir}, rules, func(path string, st watch.Stat) error {
		claims = append(claims, store.FileClaim{Path: path, Stamp: stamp(st)})
		if len(claims) < store.MaxFileClaims {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// start watches a folder.
func (fs *folders) start(rec store.FolderRecord) error {
	rules, err := watch.ParseRules(rec.Options)
	if err != nil {
		return err
	}
	f := &folder{d: fs.d, id: rec.ID, rules: rules, done: make(chan struct{})}
	place := watch.Place{Dir: rec.Dir, Identity: watch.Identity{Marker: rec.Marker, Dev: rec.Device}}
	f.rec.Store(&rec)
	f.work(place, rec.Options.Out)
	f.watcher, err = watch.New(watch.Options{
		Place: place, Rules: rules, Logger: fs.d.log.With("folder", rec.ID), BatchSize: store.MaxFileClaims,
		Known: f.known, Ready: f.take, Adopted: f.adopted,
	})
	if err != nil {
		return err
	}
	if rec.Options.Paused {
		f.watcher.Pause()
	}
	ctx, cancel := context.WithCancel(fs.watch)
	f.cancel = cancel
	fs.mu.Lock()
	if fs.clean[rec.ID] == nil {
		fs.clean[rec.ID] = &cleaning{}
	}
	fs.all[rec.ID], f.clean = f, fs.clean[rec.ID]
	fs.mu.Unlock()
	fs.tasks.Go(func() {
		defer close(f.done)
		f.watcher.Run(ctx)
	})
	fs.tasks.Go(func() { _ = f.tidy(ctx) }) // where it cannot be, it is before the first write
	return nil
}

// stop ends the watch of a folder and forgets it here.
func (fs *folders) stop(id string) {
	fs.mu.Lock()
	f := fs.all[id]
	delete(fs.all, id)
	fs.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
}

// restart watches a folder by its record as it is now.
func (fs *folders) restart(rec store.FolderRecord) error {
	fs.stop(rec.ID)
	return fs.start(rec)
}

// get returns a watched folder, nil where there is none.
func (fs *folders) get(id string) *folder {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.all[id]
}

// list returns the watched folders, in order of their paths.
func (fs *folders) list() []*folder {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := make([]*folder, 0, len(fs.all))
	for _, f := range fs.all {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *folder) int { return strings.Compare(a.dir(), b.dir()) })
	return out
}

func (f *folder) record() store.FolderRecord { return *f.rec.Load() }
func (f *folder) dir() string                { return f.rec.Load().Dir }
func (f *folder) finisher() *watch.Finisher  { return f.finish.Load() }

// adopted records what the folder is known by from now on.
func (f *folder) adopted(id watch.Identity) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	rec, err := f.d.db.UpdateFolder(ctx, f.id, func(r *store.FolderRecord) error {
		r.Marker, r.Device = id.Marker, id.Dev
		return nil
	})
	if err != nil {
		return err
	}
	f.rec.Store(&rec)
	f.work(watch.Place{Dir: rec.Dir, Identity: id}, rec.Options.Out)
	return nil
}

// work makes the finisher that outputs and sources are worked on with.
func (f *folder) work(place watch.Place, out string) {
	f.finish.Store(&watch.Finisher{Place: place, Out: out, Step: f.d.folders.step})
}

// at is called between any two steps of a file's end.
func (fs *folders) at(step string) error {
	if fs.step == nil {
		return nil
	}
	return fs.step(step)
}
