package watch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

const testSettle = 200 * time.Millisecond

// ledger stands for the store: what it accepted is known.
type ledger struct {
	mu       sync.Mutex
	seen     map[string]map[Stat]Seen
	got      []Candidate
	batches  []int
	asked    []int // how many files each call of known was for
	refuse   error
	identity Identity
	more     chan struct{}
}

func newLedger() *ledger {
	return &ledger{seen: map[string]map[Stat]Seen{}, more: make(chan struct{}, 1)}
}

func (l *ledger) known(_ context.Context, files []Found) []Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Seen, len(files))
	for i, f := range files {
		out[i] = l.seen[f.Path][f.Stat]
	}
	l.asked = append(l.asked, len(files))
	return out
}

func (l *ledger) ready(_ context.Context, files []Candidate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer signal(l.more)
	l.batches = append(l.batches, len(files))
	if l.refuse != nil {
		return l.refuse
	}
	for _, c := range files {
		l.got = append(l.got, c)
		l.set(c.Path, c.Stat, Seen{Accounted: true})
	}
	return nil
}

// set records a file; call it with mu held.
func (l *ledger) set(path string, st Stat, s Seen) {
	if l.seen[path] == nil {
		l.seen[path] = map[Stat]Seen{}
	}
	l.seen[path][st] = s
}

func (l *ledger) adopted(id Identity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.identity = id
	return nil
}

func (l *ledger) paths() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, c := range l.got {
		out = append(out, c.Path)
	}
	slices.Sort(out)
	return out
}

// rig is a Watcher that runs on a folder of its own, quickly.
type rig struct {
	*Watcher
	*ledger
	t    testing.TB
	dir  string
	stop func()
}

// start runs a Watcher on dir (a new folder where it is "") until the test or
// stop ends it. tune may change it before it runs.
func start(t testing.TB, dir string, o api.FolderOptions, tune func(*Watcher)) *rig {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	return startWith(t, dir, o, newLedger(), tune)
}

func startWith(t testing.TB, dir string, o api.FolderOptions, l *ledger, tune func(*Watcher)) *rig {
	t.Helper()
	if o.Settle == "" {
		o.Settle = testSettle.String()
	}
	rules, err := ParseRules(o)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(Options{
		Place: Place{Dir: dir, Identity: l.identity}, Rules: rules, Logger: slog.New(slog.NewTextHandler(testLog(t), nil)),
		Known: l.known, Ready: l.ready, Adopted: l.adopted,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.intervals.presence, w.intervals.retry = 50*time.Millisecond, 20*time.Millisecond
	if tune != nil {
		tune(w)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(ctx) })
	var once sync.Once
	r := &rig{Watcher: w, ledger: l, t: t, dir: dir, stop: func() { once.Do(func() { cancel(); wg.Wait() }) }}
	t.Cleanup(r.stop)
	return r
}

func testLog(t testing.TB) io.Writer {
	if testing.Verbose() {
		return t.Output()
	}
	return io.Discard
}

// until waits for something to hold, and fails the test if it never does.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	eventually(r.t, what, holds)
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// wait waits until n files were named.
func (r *rig) wait(n int) []Candidate {
	r.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		r.ledger.mu.Lock()
		got := slices.Clone(r.got)
		r.ledger.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-r.more:
		case <-deadline:
			r.t.Fatalf("got %d files %q, want %d; state %+v", len(got), r.paths(), n, r.State())
		}
	}
}

// quiet waits until nothing is on its way, and until everything was looked at
// once more after that; then whatever was to be named has been.
func (r *rig) quiet() {
	r.t.Helper()
	quiet := func() bool {
		r.Watcher.mu.Lock()
		defer r.Watcher.mu.Unlock()
		return len(r.track.files) == 0
	}
	r.until("nothing is on its way", quiet)
	r.scanned()
	r.until("nothing is on its way after a scan", quiet)
}

// scanned waits for a full scan that begins now.
func (r *rig) scanned() {
	r.t.Helper()
	before := time.Now()
	r.Rescan()
	r.until("a scan", func() bool { return r.State().LastScan.After(before) })
}

// watching waits until the folder is watched.
func (r *rig) watching() {
	r.t.Helper()
	r.until("the folder is watched", func() bool { s := r.State(); return !s.LastScan.IsZero() })
}

func (r *rig) explain(path string) string {
	r.t.Helper()
	f, err := r.Explain(r.t.Context(), path)
	if err != nil {
		r.t.Fatal(err)
	}
	return f.Reason
}

func (r *rig) write(path, content string) {
	r.t.Helper()
	writeFile(r.t, filepath.Join(r.dir, path), content)
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "(absent)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// contextOf and contextWithTimeout are for code that has no *testing.T.
func contextOf() context.Context { return context.Background() }

func contextWithTimeout(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
