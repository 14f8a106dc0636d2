package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// Finisher writes outputs and finishes sources in one watched folder. It holds
// nothing open between calls. Calls for different sources may run at once; all
// go through one Finisher a folder, by pointer.
//
// Its errors are api.Unavailable where the trouble passes (no space, read-only,
// no permission, the volume is not there): what was not done yet is done by the
// same call, later.
type Finisher struct {
	Place Place
	Out   string // absolute folder for outputs; "" beside the source

	// Step, where it is set, is called between any two steps with the name of
	// the next; its error ends the call. It is for tests of crashes.
	Step func(name string) error

	writing sync.Mutex // one source at a time chooses its names and takes them
	durable sync.Map   // paths of folders whose names are

	plain bool // tests: use no more than any system has
	far   bool // tests: done/ is on another device
}

// Output is a file that we wrote for a source. A file is ours only while its
// content is what we wrote: what a person has edited is theirs.
type Output struct {
	Path   string // below the folder; absolute where the folder has an out option
	SHA256 string // of the content, lower-case hex
}

// String returns o as one string: the hash, a space, and the path.
func (o Output) String() string { return o.SHA256 + " " + o.Path }

// ParseOutput reads what String made.
func ParseOutput(s string) (Output, error) {
	sum, p, ok := strings.Cut(s, " ")
	if !ok || len(sum) != 64 || p == "" {
		return Output{}, api.Errorf(api.Invalid, "%q is not an output", s)
	}
	return Output{Path: p, SHA256: sum}, nil
}

// Content is an output to be written.
type Content struct {
	Ext  string // ".txt"
	Data []byte
}

// What is to be done with a source, in Intent.Action.
const (
	Leave  = string(api.AfterLeave)
	Move   = string(api.AfterMove)
	Delete = string(api.AfterDelete)
)

// Intent is what is left to do for a source once the end of its job is
// committed. Record it in that commit.
type Intent struct {
	Path   string // the source, below the folder
	Stat   Stat   // when it was hashed
	SHA256 string
	Action string   // Leave, Move or Delete; "" is Leave
	To     string   // with Move: the wanted path below the folder; " (2)" is added where it is taken
	Error  []byte   // content of the error file to be written, or nil
	Stale  []Output // error files of earlier tries, to be removed
}

// Outcome is what became of a source.
type Outcome struct {
	Gone      bool   // it is no longer at its path
	MovedTo   string // path below the folder, or ""
	ErrorFile Output // the error file that was written; zero where none was
	Reason    string // why it was left although something else was asked for
}

// Done returns what to do with a source that was transcribed, for an Intent.
func (r Rules) Done(path string) (action, to string) {
	switch {
	case r.Delete:
		return Delete, ""
	case r.Move:
		return Move, DoneDir + "/" + path
	}
	return Leave, ""
}

// Failed returns what to do with a source that failed for good, for an Intent.
func (r Rules) Failed(path string) (action, to string) {
	if r.MoveFail {
		return Move, FailedDir + "/" + path
	}
	return Leave, ""
}

// Open opens a source to be transcribed, if it still is what was hashed. The
// error is api.Conflict where it has changed or is gone: the watcher names it
// again if it is there. The caller closes the file.
func (f *Finisher) Open(p string, st Stat) (*os.File, error) {
	root, err := f.Place.Open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, _, err := openSame(root, p, st)
	if errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.Conflict, "%s is not there any more as it was hashed", Printable(p))
	}
	if err != nil {
		return nil, trouble("open", p, err)
	}
	return file, nil
}

// Clean removes what a crash left of outputs that nobody will write again: in
// the folder, in done/ and failed/, and in Out; in other subfolders only with
// recursive, for without they may be watched by another. Call it at the start,
// before anything is written.
func (f *Finisher) Clean(ctx context.Context, recursive bool) error {
	root, err := f.Place.Open()
	if err != nil {
		return err
	}
	clean := func(root *os.Root) error {
		if recursive {
			return cleanTree(ctx, root, ".")
		}
		return cleanTree(ctx, root, ".", DoneDir, FailedDir)
	}
	err = errors.Join(clean(root), root.Close())
	if f.Out == "" || err != nil {
		return err
	}
	out, err := os.OpenRoot(f.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return trouble("open the folder", f.Out, err)
	}
	return errors.Join(clean(out), out.Close())
}

// cleanTree cleans dirs, and where that is the root alone all below it.
func cleanTree(ctx context.Context, root *os.Root, dirs ...string) error {
	return walk(ctx, root, Rules{Recursive: len(dirs) == 1}, dirs, walkFuncs{
		any: func(p string, fi fs.FileInfo) error {
			if !isTemp(path.Base(p)) || !fi.Mode().IsRegular() {
				return nil
			}
			return removeIfThere(root, p)
		},
		bad: func(string, error) {},
	})
}

// Unchanged reports whether the source still is what was hashed.
func (f *Finisher) Unchanged(p string, st Stat) (bool, error) {
	root, err := f.Place.Open()
	if err != nil {
		return false, err
	}
	defer root.Close()
	return unchanged(root, p, st)
}

func unchanged(root *os.Root, p string, st Stat) (bool, error) {
	fi, err := root.Lstat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, trouble("look at", p, err)
	}
	return fi.Mode().IsRegular() && StatOf(fi) == st, nil
}

// Finish does what in says. It may be repeated, whatever was done of it: the
// end is the same. A source that has changed since it was hashed is left alone.
func (f *Finisher) Finish(ctx context.Context, in Intent) (Outcome, error) {
	root, err := f.Place.Open()
	if err != nil {
		return Outcome{}, err
	}
	defer root.Close()
	var out Outcome
	switch in.Action {
	case "", Leave:
	case Move:
		out, err = f.relocate(ctx, root, in)
	case Delete:
		out, err = f.remove(ctx, root, in)
	default:
		return Outcome{}, api.Errorf(api.Invalid, "cannot %q a source", in.Action)
	}
	if err != nil {
		return Outcome{}, err
	}
	if in.Error != nil && out.Reason == "" {
		if out.ErrorFile, err = f.explainFailure(root, in, out.MovedTo); err != nil {
			return Outcome{}, err
		}
	}
	return out, f.removeStale(root, in, out.ErrorFile)
}

// explainFailure writes the error file beside the source, unless that has
// changed or gone: then it is tried again as it is, or not missed.
func (f *Finisher) explainFailure(root *os.Root, in Intent, movedTo string) (Output, error) {
	beside := movedTo
	if beside == "" {
		beside = in.Path
		if same, err := unchanged(root, in.Path, in.Stat); err != nil || !same {
			return Output{}, err
		}
	}
	if err := f.at("write the error file"); err != nil {
		return Output{}, err
	}
	return f.writeError(root, beside, in)
}

// removeStale removes error files of earlier tries, as far as they are ours.
func (f *Finisher) removeStale(root *os.Root, in Intent, keep Output) error {
	for _, old := range in.Stale {
		if old.Path == keep.Path {
			continue
		}
		if err := f.at("remove an old error file"); err != nil {
			return err
		}
		dir, p, err := f.dirFor(root, old.Path)
		if err != nil {
			return err
		}
		if sum, unread := sumOf(dir, p); unread == nil && sum == old.SHA256 {
			if err = removeIfThere(dir, p); err != nil {
				err = trouble("remove", old.Path, err)
			}
		}
		if err := errors.Join(err, closeOther(dir, root)); err != nil {
			return err
		}
	}
	return nil
}

// dirFor returns the root that the path of an Output is in, and the path there.
// The caller closes it with closeOther.
func (f *Finisher) dirFor(root *os.Root, p string) (*os.Root, string, error) {
	if !filepath.IsAbs(p) {
		return root, p, nil
	}
	dir, name := filepath.Split(p)
	if rel, err := filepath.Rel(f.Out, p); f.Out != "" && err == nil && filepath.IsLocal(rel) {
		dir, name = f.Out, rel
	}
	other, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", trouble("open", dir, err)
	}
	return other, filepath.ToSlash(name), nil
}

func closeOther(dir, root *os.Root) error {
	if dir == root {
		return nil
	}
	return dir.Close()
}

// at is called between any two steps.
func (f *Finisher) at(step string) error {
	if f.Step == nil {
		return nil
	}
	return f.Step(step)
}

// troubleError is an error of the file system that may pass.
type troubleError struct {
	verb, path string
	err        error
}

func (e *troubleError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.verb, Printable(e.path), e.err)
}

func (e *troubleError) Unwrap() []error { return []error{api.Unavailable, e.err} }

// trouble wraps an error of the file system: it is api.Unavailable, for a person
// or time can mend it.
func trouble(verb, p string, err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return err
	}
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return &troubleError{verb, p, err}
}

// numbered returns p for n = 1, and p with " (n)" before its extension for more.
func numbered(p string, n int) string {
	if n < 2 {
		return p
	}
	dir, name := path.Split(p)
	ext := path.Ext(name)
	if ext == name {
		ext = ""
	}
	return dir + fitName(strings.TrimSuffix(name, ext), fmt.Sprintf(" (%d)%s", n, ext))
}

// isReadOnly reports whether err says that nothing can be written there.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || fsx.IsReadOnly(err)
}
