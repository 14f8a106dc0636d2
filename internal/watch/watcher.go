package watch

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Options are what a Watcher needs. Place.Dir, Known and Ready are required.
type Options struct {
	Place  Place
	Rules  Rules
	Logger *slog.Logger // nil: slog.Default()

	// Known tells what is recorded of files while they look like this: one
	// Seen for each, in their order. Every file of every scan is asked about,
	// up to 1000 in a call, from several goroutines: it must be quick, and
	// must not call the Watcher.
	Known func(ctx context.Context, files []Found) []Seen

	// Ready takes complete files, first complete first, at most BatchSize, none
	// twice at once. Once it returns nil they are recorded, and Known knows
	// them; it is the caller's one transaction. After an error the same files
	// (those that did not change meanwhile) are given again, a little later.
	// It is called from one goroutine.
	Ready func(ctx context.Context, files []Candidate) error

	// Adopted is called when the folder's Identity was found or has changed,
	// before any of its files is named. Record it. May be nil.
	Adopted func(Identity) error

	// May is asked whenever the folder is found at its path, before anything
	// is done there. With an error nothing is, State says why, and it is asked
	// again a little later; api.Conflict says that it may not be watched, any
	// other error that this cannot be told now. May be nil.
	May func() error

	BatchSize int // 0: 500
	Hashers   int // files hashed at once; 0: 2
}

// Seen is what is recorded of a file.
type Seen struct {
	// Accounted: it is queued, transcribed, skipped or told to be ignored.
	Accounted bool
	// ErrorFile is the path (as in Output) of the error file that was
	// written for it, once Finish has written it: when that file is deleted,
	// the file is named again, with Retry set. It needs Accounted.
	ErrorFile string
}

// Candidate is a complete file.
type Candidate struct {
	Path     string // below the folder, raw bytes
	Stat     Stat
	SHA256   string    // lower-case hex of the content
	First    time.Time // when it was first seen
	Complete time.Time // when it was found complete
	Retry    bool      // its error file was deleted: transcribe it although it failed before
}

// Watcher watches one folder. New makes it, Run does the work; the other
// methods may be called at any time, from any goroutine.
type Watcher struct {
	opt       Options
	log       *slog.Logger
	hooks     notifyHooks
	intervals intervals
	marks     *marks

	checker chan struct{} // each of capacity 1: there is something to do
	monitor chan struct{}
	hashers chan struct{}
	deliver chan struct{}

	looked    chan struct{} // closed by the first look at the folder
	firstLook sync.Once

	mu       sync.Mutex
	track    *tracker
	place    Place
	paused   bool
	attached *Stat // of the folder itself; nil while it is not there
	absent   error // why it is not there; nil before the first look
	lost     bool  // the watch on the folder itself ended: attach anew
	poll     pollState
	scanning bool
	lastScan time.Time
	fullScan bool                // a scan of everything is asked for
	newDirs  map[string]struct{} // directories to scan with all below them
	goneDirs map[string]struct{} // directories to watch no more, with all below
	watched  map[string]struct{} // directories with a watch
	badDirs  map[string]string   // directories that cannot be read, and why
	toHash   []*file
	toHand   []*file
	refused  error // what Ready said last
}

// intervals is how often things are done; tests quicken it.
type intervals struct {
	presence time.Duration // is the folder still there?
	rescan   time.Duration
	poll     time.Duration
	retry    time.Duration // first wait after Ready failed; doubled up to 30 s
}

// pollState is why and whether the folder is polled.
type pollState struct {
	every  time.Duration // 0: not polled
	reason string        // for people; also where polling is off though events are not to be had
	remote string        // the kind of file system that tells of no changes, or ""
	limit  error         // the limit that was reached, or nil
}

// New returns a Watcher that Run has yet to start. Errors are api.Invalid.
func New(opt Options) (*Watcher, error) {
	if !filepath.IsAbs(opt.Place.Dir) || opt.Known == nil || opt.Ready == nil {
		return nil, api.Errorf(api.Invalid, "watch %q: want an absolute folder, Known and Ready", opt.Place.Dir)
	}
	opt.Place.Dir = filepath.Clean(opt.Place.Dir)
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.BatchSize <= 0 {
		opt.BatchSize = 500
	}
	if opt.Hashers <= 0 {
		opt.Hashers = 2
	}
	w := &Watcher{
		opt: opt, place: opt.Place,
		log:       opt.Logger.With("dir", Printable(opt.Place.Dir)),
		hooks:     systemHooks(),
		intervals: intervals{presence: 5 * time.Second, rescan: RescanEvery, poll: DefaultPoll, retry: time.Second},
		marks:     newMarks(),
		checker:   make(chan struct{}, 1),
		monitor:   make(chan struct{}, 1),
		hashers:   make(chan struct{}, 1),
		deliver:   make(chan struct{}, 1),
		looked:    make(chan struct{}),
		newDirs:   map[string]struct{}{},
		goneDirs:  map[string]struct{}{},
		watched:   map[string]struct{}{},
		badDirs:   map[string]string{},
	}
	w.track = newTracker(w.settleTime())
	return w, nil
}

// settleTime is how long a file must look the same. Call it with mu held, or
// before Run.
func (w *Watcher) settleTime() time.Duration {
	switch {
	case w.opt.Rules.Settle > 0:
		return w.opt.Rules.Settle
	case w.poll.every > 0:
		return DefaultPolledSettle
	}
	return DefaultSettle
}

// Run watches until ctx ends, and returns once everything it started is done.
// A folder that is not there is waited for. Call it once.
func (w *Watcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { w.runChecker(ctx) })
	wg.Go(func() { w.runHashers(ctx) })
	wg.Go(func() { w.runDeliverer(ctx) })
	w.runMonitor(ctx)
	wg.Wait()
}

// Rescan looks at every file again, soon.
func (w *Watcher) Rescan() {
	w.mu.Lock()
	w.fullScan = true
	w.mu.Unlock()
	signal(w.monitor)
}

// Pause names no more files until Resume; one batch may still be under way.
// What happens meanwhile is seen, and named then.
func (w *Watcher) Pause() {
	w.mu.Lock()
	w.paused = true
	w.mu.Unlock()
}

// Resume ends Pause.
func (w *Watcher) Resume() {
	w.mu.Lock()
	w.paused = false
	w.mu.Unlock()
	for _, c := range []chan struct{}{w.checker, w.hashers, w.deliver} {
		signal(c)
	}
}

// Absent returns why the folder cannot be used: it is not there, or cannot be
// read. It is nil before the first look.
func (w *Watcher) Absent() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.absent
}

// openRoot opens the folder if it is still the one the monitor attached to. They
// are told when it is not. The caller closes the root.
func (w *Watcher) openRoot() (*os.Root, error) {
	w.mu.Lock()
	dir, attached := w.place.Dir, w.attached
	w.mu.Unlock()
	if attached == nil {
		return nil, errNotAttached
	}
	root, err := os.OpenRoot(dir)
	if err == nil {
		var st Stat
		if st, err = rootStat(root); err == nil && sameDir(st, *attached) {
			return root, nil
		}
		err = errors.Join(err, root.Close(), errNotAttached)
	}
	signal(w.monitor)
	return nil, err
}

var errNotAttached = errors.New("the folder is not there now")

func rootStat(root *os.Root) (Stat, error) {
	fi, err := root.Stat(".")
	if err != nil {
		return Stat{}, err
	}
	return StatOf(fi), nil
}

// sameDir reports whether two looks at a directory saw the same one.
func sameDir(a, b Stat) bool { return a.Dev == b.Dev && a.Inode == b.Inode }
