package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// MaxWaiting is the most files that State lists.
const MaxWaiting = 100

// State is what a Watcher does, for api.Folder: its fields have the names and
// the meaning that they have there. Counts has only what is not accounted for
// yet: "settling", "queued" (complete, waiting to be accepted) and "blocked".
type State struct {
	State    string // "watching", "polling", "scanning", "paused", "offline", "blocked"
	Reason   string
	Fix      string // what a person may do about Reason, or ""
	Counts   map[string]int
	Waiting  []api.FolderFile // the longest waiting first, at most MaxWaiting
	LastScan time.Time        // when every file was looked at last; zero before
}

// State returns what the Watcher does now.
func (w *Watcher) State() State {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := State{Counts: map[string]int{}, LastScan: w.lastScan}
	s.State, s.Reason = w.summary()
	s.Fix = w.fix(s.State)
	files := make([]*file, 0, len(w.track.files))
	for _, f := range w.track.files {
		files = append(files, f)
		s.Counts[f.phase.count()]++
	}
	slices.SortFunc(files, func(a, b *file) int { return cmp.Or(a.first.Compare(b.first), strings.Compare(a.path, b.path)) })
	for _, f := range files[:min(len(files), MaxWaiting)] {
		s.Waiting = append(s.Waiting, w.describe(f, now))
	}
	for dir, why := range w.badDirs {
		s.Counts["blocked"]++
		s.Waiting = append(s.Waiting, api.FolderFile{Path: Printable(dir), Status: "blocked", Reason: "blocked: the folder: " + why})
	}
	return s
}

// summary returns the state and its reason. Call it with mu held.
func (w *Watcher) summary() (state, reason string) {
	switch {
	case w.paused:
		return "paused", ""
	case w.absent != nil:
		return absentState(w.absent), w.absent.Error()
	case w.badDirs["."] != "":
		return "blocked", "the folder: " + w.badDirs["."]
	case w.refused != nil:
		return "blocked", "files are not accepted now: " + w.refused.Error()
	case w.attached == nil, w.scanning && w.lastScan.IsZero():
		return "scanning", ""
	case w.poll.every > 0:
		return "polling", fmt.Sprintf("every %s: %s", short(w.poll.every), w.poll.reason)
	}
	return "watching", w.poll.reason
}

// absentState is the state of a folder that cannot be used because of err.
func absentState(err error) string {
	var denied *blockedError
	if errors.As(err, &denied) {
		return "blocked"
	}
	return "offline"
}

// fix says what may be done about a state. Call it with mu held.
func (w *Watcher) fix(state string) string {
	var denied *blockedError
	switch {
	case errors.As(w.absent, &denied):
		return denied.fix // whoever refused it knows one
	case state == "offline":
		return "plug its volume in, or stop to watch it with: voxparse watch rm"
	case state == "blocked" && w.refused == nil:
		return fmt.Sprintf("chmod u+rwx %q", w.place.Dir)
	case w.poll.limit != nil && isLimit(w.poll.limit):
		return limitFix(w.poll.limit)
	}
	return ""
}

func (p phase) count() string {
	switch p {
	case handing:
		return "queued"
	case blocked:
		return "blocked"
	}
	return "settling"
}

// describe says in one line what a tracked file waits for. Call it with mu held.
func (w *Watcher) describe(f *file, now time.Time) api.FolderFile {
	out := api.FolderFile{Path: Printable(f.path), Status: f.phase.count()}
	var parts []string
	switch f.phase {
	case changing:
		parts = w.changingParts(f, now)
	case unread:
		parts = []string{"complete; waiting to be read"}
	case hashing:
		parts = []string{"complete; reading it"}
	case handing:
		parts = []string{"complete; waiting to be accepted"}
		if w.refused != nil {
			parts = append(parts, w.refused.Error())
		}
	case blocked:
		parts = []string{f.wait + ", tried again " + within(f.due.Sub(now))}
	}
	out.Reason = out.Status + ": " + strings.Join(parts, "; ")
	if w.paused {
		out.Reason += "; the folder is paused"
	}
	return out
}

func (w *Watcher) changingParts(f *file, now time.Time) []string {
	parts := []string{"first seen " + ago(now.Sub(f.first))}
	if f.change != "" {
		parts[0] = f.change + " " + ago(now.Sub(f.since))
	}
	if f.wait != "" {
		return append(parts, f.wait)
	}
	return append(parts, "complete "+within(f.since.Add(w.track.settle).Sub(now))+" if it stays as it is")
}

// firstLookTime is how long Explain waits for the first look at the folder.
const firstLookTime = 2 * time.Second

// Explain says in one line what the Watcher thinks of a file, and why. The
// path is absolute or relative to the folder. State is "settling", "queued",
// "blocked", "ignored", "missing", "offline" or, for a file that Known knows,
// "done": the caller knows more then. The error is api.Invalid for a path that
// is not below the folder. A Watcher that has only just begun to run is given a
// moment for its first look.
func (w *Watcher) Explain(ctx context.Context, path string) (api.FolderFile, error) {
	p, err := w.relative(path)
	if err != nil {
		return api.FolderFile{}, err
	}
	timeout := time.NewTimer(firstLookTime)
	defer timeout.Stop()
	select {
	case <-w.looked:
	case <-timeout.C:
	case <-ctx.Done():
		return api.FolderFile{}, ctx.Err()
	}
	if f, ok := w.explainTracked(ctx, p); ok {
		return f, nil
	}
	out := api.FolderFile{Path: Printable(p)}
	out.Status, out.Reason = w.explainUntracked(ctx, p)
	out.Reason = out.Status + ": " + out.Reason
	return out, nil
}

// relative returns path as the Watcher names it.
func (w *Watcher) relative(path string) (string, error) {
	rel := filepath.Clean(path)
	if filepath.IsAbs(rel) {
		var err error
		if rel, err = filepath.Rel(w.opt.Place.Dir, rel); err != nil {
			return "", api.Errorf(api.Invalid, "%s is not in %s", Printable(path), w.opt.Place.Dir)
		}
	}
	if !filepath.IsLocal(rel) || rel == "." {
		return "", api.Errorf(api.Invalid, "%s is not a file in %s", Printable(path), w.opt.Place.Dir)
	}
	return filepath.ToSlash(rel), nil
}

// explainTracked explains a file that is on its way; it asks anew whether a
// writer has it open.
func (w *Watcher) explainTracked(ctx context.Context, p string) (api.FolderFile, bool) {
	w.mu.Lock()
	f, ok := w.track.files[p]
	if !ok || w.attached == nil {
		w.mu.Unlock()
		return api.FolderFile{}, false
	}
	out := w.describe(f, time.Now())
	ask := f.phase == changing && f.wait == "" && w.poll.remote == "" && ctx.Err() == nil
	w.mu.Unlock()
	if ask && w.writerNow(p) {
		out.Reason += "; a writer has it open"
	}
	return out, true
}

func (w *Watcher) writerNow(p string) bool {
	root, err := w.openRoot()
	if err != nil {
		return false
	}
	defer root.Close()
	fi, err := root.Lstat(p)
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	f, err := root.OpenFile(p, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	writer, _ := hasWriter(f)
	return writer
}

// explainUntracked returns the state and the reason of a file that is not on
// its way.
func (w *Watcher) explainUntracked(ctx context.Context, p string) (state, reason string) {
	w.mu.Lock()
	absent, bad := w.absent, w.badDirs[dirOf(p)]
	w.mu.Unlock()
	if absent != nil {
		return absentState(absent), absent.Error()
	}
	if why := w.opt.Rules.IgnoredFile(p); why != "" {
		return "ignored", why
	}
	if bad != "" {
		return "blocked", "its folder: " + bad
	}
	root, err := w.openRoot()
	if err != nil {
		return "offline", "the folder is not there now"
	}
	defer root.Close()
	fi, err := lstatReal(root, p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing", "there is no such file"
	case err != nil:
		return "blocked", blockReason(err)
	case fi.Mode()&fs.ModeSymlink != 0:
		return "ignored", "a symbolic link; links are not followed"
	case !fi.Mode().IsRegular():
		return "ignored", "not a regular file"
	case fi.Size() == 0:
		return "ignored", "it is empty; it is looked at again when something is written to it"
	}
	if known, _ := w.opt.Known(ctx, []Found{{p, StatOf(fi)}})[0].accounted(root); known {
		return "done", "accounted for"
	}
	w.Rescan()
	return "settling", "just seen"
}

func dirOf(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return "."
}

// ago says how long ago something was: "2 s ago".
func ago(d time.Duration) string { return short(d) + " ago" }

// within says when something will be: "in 3 s".
func within(d time.Duration) string {
	if d < time.Second {
		return "within a second"
	}
	return "in " + short(d)
}

func short(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
