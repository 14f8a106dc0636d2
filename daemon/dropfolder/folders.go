package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// Store is what drop folders need of the store.
type Store interface {
	store.Folders
	Job(ctx context.Context, id string) (store.Job, error)
	Webhook(ctx context.Context, id string) (store.Webhook, error)
}

// Catalog is what the jobs of a folder can ask for.
type Catalog interface {
	// Check refuses options with which nothing can be recognized.
	Check(o api.Options) error
	// MaxAttempts returns how often a job is tried, 0 for the store's own limit.
	MaxAttempts(o api.Options) int
}

// Config is what Folders need. All of it is required, but for Configured,
// Intervals and Step.
type Config struct {
	Store      Store
	Catalog    Catalog
	DataDir    string          // the daemon's own, which is no drop folder
	ConfigFile string          // where Configured come from, for people
	Configured []config.Folder // the folders of the config file

	Accepting func() error                // nil while new work is taken
	View      func(job store.Job) api.Job // a job as the API shows it
	Wake      func()                      // has the runner of jobs look again: a folder is no longer paused
	Recheck   func(ctx context.Context)   // has the runner end what it runs of jobs that were cancelled
	Logger    *slog.Logger
	Intervals Intervals // zero: DefaultIntervals

	// Step is called between any two steps of a file's end. An error ends the
	// file's end there, as a crash would. nil: nothing is called.
	Step func(name string) error
}

// Intervals are how often what cannot be done is tried again.
type Intervals struct {
	Finish time.Duration // a source that could not be finished
	Keep   time.Duration // how long a result is kept in memory while its outputs cannot be written
	Probe  time.Duration // whether the outputs of a folder can be written again
}

// DefaultIntervals are the intervals of a daemon.
var DefaultIntervals = Intervals{Finish: 30 * time.Second, Keep: 10 * time.Second, Probe: 5 * time.Second}

// Folders are the drop folders that are watched now. A folder comes from the
// config file or from a command; either way its record and those of its files
// are in the store, and what is here can be made again from them.
type Folders struct {
	cfg       Config
	asking    sync.Mutex // one folder at a time looks whether it may be watched
	mu        sync.Mutex
	all       map[string]*folder
	cleanups  map[string]*cleanup // by folder, also while it is not in all
	unwatched map[string]error    // by path: why a folder that should be watched is not
	clashes   map[string]error    // by path, from Start on: why a folder is not set up as the config file says
	watch     context.Context     // ends when no more files are to be taken
	tasks     sync.WaitGroup
	stuck     chan struct{} // capacity 1: the outputs of a folder cannot be written
}

// folder is one that is watched.
type folder struct {
	fs      *Folders
	id      string
	rules   watch.Rules
	watcher *watch.Watcher
	cancel  context.CancelFunc
	done    chan struct{}
	cleanup *cleanup

	rec     atomic.Pointer[store.FolderRecord]
	finish  atomic.Pointer[watch.Finisher] // a new one when the folder's identity changes
	wanted  atomic.Int64                   // bytes of the outputs that could not be written last
	blocked atomic.Pointer[setback]        // why no outputs can be written
	late    atomic.Pointer[setback]        // why sources cannot be finished
	apart   atomic.Pointer[setback]        // why the folder may not be watched
}

// New returns Folders. The caller calls Start, and Run.
func New(cfg Config) *Folders {
	if cfg.Intervals == (Intervals{}) {
		cfg.Intervals = DefaultIntervals
	}
	return &Folders{cfg: cfg, all: map[string]*folder{}, cleanups: map[string]*cleanup{}, unwatched: map[string]error{}, clashes: map[string]error{}, stuck: make(chan struct{}, 1)}
}

// Run does what is recorded to be done with sources, looks whether what could
// not be written can be, and whether error files were deleted, until ctx ends.
func (fs *Folders) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { fs.finishLoop(ctx) })
	loops.Go(func() { fs.pauseLoop(ctx) })
	loops.Go(func() { fs.retryLoop(ctx) })
	loops.Wait()
}

// Wait returns when no folder is watched any more, after the end of the ctx of Start.
func (fs *Folders) Wait() { fs.tasks.Wait() }

// Start brings the store in line with the config file and watches every folder
// until ctx ends. Wait waits until all of them have stopped.
func (fs *Folders) Start(ctx context.Context) error {
	fs.watch = ctx
	for _, c := range fs.cfg.Configured {
		err := fs.configure(ctx, c)
		if errors.Is(err, api.Conflict) { // the others are watched all the same
			fs.clashes[filepath.Clean(c.Dir)] = err
			fs.cfg.Logger.Error("set up a folder of the config file", "dir", c.Dir, "error", err)
			continue
		}
		if err != nil && !fs.configureLater(ctx, c, err) {
			return fmt.Errorf("folder %s of the config file: %w", c.Dir, err)
		}
	}
	recs, err := fs.cfg.Store.Folders(ctx)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if isFromConfig(rec) && !fs.inConfig(rec.Dir) {
			continue // taken out of the file: what is known of it stays
		}
		fs.startRecorded(rec)
	}
	return nil
}

// startRecorded watches a folder that is recorded.
func (fs *Folders) startRecorded(rec store.FolderRecord) {
	err := fs.start(rec)
	fs.noteUnwatched(rec.Dir, err)
	if err != nil {
		fs.cfg.Logger.Error("watch a folder", "folder", rec.ID, "dir", rec.Dir, "error", err)
	}
}

// create records a folder, under the id that it was known by before. Where what
// lies there is to be left alone, the folder is paused until all of that is
// recorded: a crash must not take it.
func (fs *Folders) create(ctx context.Context, rec store.FolderRecord, ignore bool) (store.FolderRecord, error) {
	rules, err := watch.ParseRules(rec.Options)
	if err != nil {
		return rec, err
	}
	if rec.ID, err = fs.knownAs(ctx, rec); err != nil {
		return rec, err
	}
	paused := rec.Options.Paused
	rec.Options.Paused = paused || ignore
	if rec, err = fs.cfg.Store.CreateFolder(ctx, rec); err != nil || !ignore {
		return rec, err
	}
	if err := fs.ignoreExisting(ctx, rec, rules); err != nil {
		return rec, errors.Join(err, fs.cfg.Store.DeleteFolder(context.WithoutCancel(ctx), rec.ID))
	}
	return fs.cfg.Store.UpdateFolder(ctx, rec.ID, func(r *store.FolderRecord) error {
		r.Options.Paused = paused
		return nil
	})
}

// knownAs returns the id under which the folder at the place of rec was watched
// before, so that what was transcribed then is not transcribed again, else that
// of rec. A folder that was taken out of the config file is removed by that.
func (fs *Folders) knownAs(ctx context.Context, rec store.FolderRecord) (id string, err error) {
	recs, err := fs.cfg.Store.Folders(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range recs {
		if isFromConfig(r) && !fs.inConfig(r.Dir) && fs.get(r.ID) == nil && sameFolder(r.Dir, rec.Dir) {
			return r.ID, fs.cfg.Store.DeleteFolder(ctx, r.ID)
		}
	}
	removed, err := fs.cfg.Store.RemovedFolders(ctx)
	if err != nil {
		return "", err
	}
	slices.SortFunc(removed, func(a, b store.FolderRecord) int { return b.RemovedAt.Compare(a.RemovedAt) })
	for _, r := range removed {
		if sameFolder(r.Dir, rec.Dir) {
			return r.ID, nil
		}
	}
	return rec.ID, nil
}

// ignoreExisting records the files that lie in a folder as not to be taken.
func (fs *Folders) ignoreExisting(ctx context.Context, rec store.FolderRecord, rules watch.Rules) error {
	var claims []store.FileClaim
	flush := func() error {
		if len(claims) == 0 {
			return nil
		}
		err := fs.cfg.Store.IgnoreFiles(ctx, rec.ID, claims)
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
func (fs *Folders) start(rec store.FolderRecord) error {
	rules, err := watch.ParseRules(rec.Options)
	if err != nil {
		return err
	}
	f := &folder{fs: fs, id: rec.ID, rules: rules, done: make(chan struct{})}
	place := placeOf(rec)
	f.rec.Store(&rec)
	f.makeFinisher(place, rec.Options.Out)
	f.watcher, err = watch.New(watch.Options{
		Place: place, Rules: rules, Logger: fs.cfg.Logger.With("folder", rec.ID), BatchSize: store.MaxFileClaims,
		Known: f.known, Ready: f.take, Adopted: f.adopted, May: f.mayWatch,
	})
	if err != nil {
		return err
	}
	_ = f.mayWatch() // noted, and asked again when the folder is found
	if rec.Options.Paused {
		f.watcher.Pause()
	}
	ctx, cancel := context.WithCancel(fs.watch)
	f.cancel = cancel
	fs.mu.Lock()
	if fs.cleanups[rec.ID] == nil {
		fs.cleanups[rec.ID] = &cleanup{}
	}
	fs.all[rec.ID], f.cleanup = f, fs.cleanups[rec.ID]
	fs.mu.Unlock()
	fs.tasks.Go(func() {
		defer close(f.done)
		f.watcher.Run(ctx)
	})
	fs.tasks.Go(func() { _ = f.cleanUp(ctx) }) // where it cannot be, it is before the first write
	return nil
}

// stop ends the watch of a folder and drops it here.
func (fs *Folders) stop(id string) {
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
func (fs *Folders) restart(rec store.FolderRecord) error {
	fs.stop(rec.ID)
	return fs.start(rec)
}

// get returns a watched folder, nil where there is none.
func (fs *Folders) get(id string) *folder {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.all[id]
}

// list returns the watched folders, in order of their paths.
func (fs *Folders) list() []*folder {
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
	rec, err := f.fs.cfg.Store.UpdateFolder(ctx, f.id, func(r *store.FolderRecord) error {
		r.Marker, r.Device = id.Marker, id.Dev
		return nil
	})
	if err != nil {
		return err
	}
	f.rec.Store(&rec)
	f.makeFinisher(placeOf(rec), rec.Options.Out)
	return nil
}

// makeFinisher makes the finisher that outputs and sources are worked on with.
// An out folder that is the folder itself, by whatever path, is none.
func (f *folder) makeFinisher(place watch.Place, out string) {
	if out != "" && sameFolder(out, place.Dir) {
		out = ""
	}
	f.finish.Store(&watch.Finisher{Place: place, Out: out, Step: f.fs.cfg.Step})
}

// at is called between any two steps of a file's end.
func (fs *Folders) at(step string) error {
	if fs.cfg.Step == nil {
		return nil
	}
	return fs.cfg.Step(step)
}
