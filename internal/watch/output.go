package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

// maxName is the longest name of a file, in bytes, that every system takes.
const maxName = 255

// maxTaken is how many names are tried for one file.
const maxTaken = 10_000

// Write writes the outputs of a source and makes them durable: {stem}.txt
// beside it or in Out, under the source's subfolder; {name}.txt where that, or
// another output of the same name, belongs to somebody else, then {name} (2).txt.
// A file that is not ours is never overwritten.
//
// ours is what is recorded of earlier outputs of this source. record, if it is
// not nil, is called with ours and the names and hashes that will be written,
// before anything is: once it returns nil, it must be what ours is after a
// crash, so that a repeat with other contents replaces what this call left.
// Without record, a file with the very content is taken to be ours.
func (f *Finisher) Write(ctx context.Context, source string, contents []Content, ours []Output, record func([]Output) error) ([]Output, error) {
	root, err := f.Place.Open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := f.openOut(root, source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeOther(dir, root) }() // it was only read
	mode := modeLike(root, source)
	f.writing.Lock()
	defer f.writing.Unlock()
	for range 10 {
		plan, err := f.plan(dir, source, contents, ours, record == nil)
		if err != nil {
			return nil, err
		}
		if record != nil {
			both := slices.Concat(ours, plan)
			if err := record(both); err != nil {
				return nil, fmt.Errorf("record the outputs of %s: %w", Printable(source), err)
			}
			ours = both
		}
		err = f.apply(ctx, dir, plan, contents, ours, mode)
		if err == nil {
			err = f.removeSuperseded(dir, plan, ours)
		}
		if !errors.Is(err, fs.ErrExist) {
			return plan, err
		}
	}
	return nil, api.Errorf(api.Unavailable, "write the outputs of %s: others take the names as fast as they are chosen", Printable(source))
}

// openOut returns the root that outputs go to, with the source's subfolder made.
func (f *Finisher) openOut(root *os.Root, source string) (*os.Root, error) {
	if f.Out == "" {
		return root, nil
	}
	dir, err := f.outRoot()
	if err != nil {
		return nil, err
	}
	if err := f.folders(dir, path.Dir(source)); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// modeLike returns the mode for an output: who may read the source may read it.
func modeLike(root *os.Root, source string) fs.FileMode {
	fi, err := root.Lstat(source)
	if err != nil {
		return 0o600
	}
	return 0o600 | fi.Mode().Perm()&0o066
}

// plan chooses the names of the outputs: the first choice of which all may be
// written, so that what belongs together bears one name.
func (f *Finisher) plan(dir *os.Root, source string, contents []Content, ours []Output, adopt bool) ([]Output, error) {
	for taken := range maxTaken {
		plan, err := f.choice(dir, source, contents, ours, adopt, taken)
		if err != nil || plan != nil {
			return plan, err
		}
	}
	return nil, api.Errorf(api.Unavailable, "write the outputs of %s: every name is taken", Printable(source))
}

// choice returns the outputs with the nth choice for their names, nil where one
// of these belongs to somebody else.
func (f *Finisher) choice(dir *os.Root, source string, contents []Content, ours []Output, adopt bool, n int) ([]Output, error) {
	plan := make([]Output, 0, len(contents))
	for _, c := range contents {
		p, sum := outputName(source, c.Ext, n), sumBytes(c.Data)
		if free, err := f.mayWrite(dir, p, sum, ours, adopt); err != nil || !free {
			return nil, err
		}
		plan = append(plan, Output{Path: f.outputPath(p), SHA256: sum})
	}
	return plan, nil
}

// outputName returns the nth choice for an output of source.
func outputName(source, ext string, n int) string {
	dir, name := path.Split(source)
	switch n {
	case 0:
		return dir + fitName(stem(name), ext)
	case 1:
		return dir + fitName(name, ext)
	}
	return dir + fitName(name, fmt.Sprintf(" (%d)%s", n, ext))
}

// outputPath returns the path of an Output that is at p in the out root.
func (f *Finisher) outputPath(p string) string {
	if f.Out == "" {
		return p
	}
	return filepath.Join(f.Out, filepath.FromSlash(p))
}

// fitName returns base+suffix, with base cut where it would be too long: then
// some of its hash is put in, so that different names stay different.
func fitName(base, suffix string) string {
	if len(base)+len(suffix) <= maxName {
		return base + suffix
	}
	mark := "~" + sumBytes([]byte(base))[:8]
	cut := max(0, maxName-len(suffix)-len(mark))
	for cut > 0 && !utf8.RuneStart(base[cut]) {
		cut--
	}
	return base[:cut] + mark + suffix
}

// mayWrite reports whether p is free, or holds what is ours.
func (f *Finisher) mayWrite(dir *os.Root, p, sum string, ours []Output, adopt bool) (bool, error) {
	fi, err := dir.Lstat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, trouble("look at", p, err)
	}
	if !fi.Mode().IsRegular() {
		return false, nil
	}
	now, err := sumOf(dir, p)
	if err != nil {
		return false, nil //nolint:nilerr // what cannot be read is not ours
	}
	return adopt && now == sum || f.owns(ours, p, now), nil
}

// owns reports whether the file at p with this hash is one of ours.
func (f *Finisher) owns(ours []Output, p, sum string) bool {
	return slices.Contains(ours, Output{Path: f.outputPath(p), SHA256: sum})
}

// apply makes the planned outputs. The error is fs.ErrExist where a name was
// taken since it was chosen.
func (f *Finisher) apply(ctx context.Context, dir *os.Root, plan []Output, contents []Content, ours []Output, mode fs.FileMode) error {
	for i, o := range plan {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.at("write " + contents[i].Ext); err != nil {
			return err
		}
		p := o.Path
		if f.Out != "" {
			rel, err := filepath.Rel(f.Out, p)
			if err != nil {
				return err
			}
			p = filepath.ToSlash(rel)
		}
		if err := f.put(dir, p, contents[i].Data, mode, ours); err != nil {
			return err
		}
	}
	return f.at("outputs are written")
}

// removeSuperseded removes earlier outputs of the source in the planned formats
// that bear another name than now, as far as they are still ours.
func (f *Finisher) removeSuperseded(dir *os.Root, plan, ours []Output) error {
	for _, old := range ours {
		replaced := slices.ContainsFunc(plan, func(o Output) bool { return path.Ext(o.Path) == path.Ext(old.Path) })
		if !replaced || IsErrorFile(old.Path) || slices.ContainsFunc(plan, func(o Output) bool { return o.Path == old.Path }) {
			continue
		}
		p, ok := f.inOut(old.Path)
		if !ok {
			continue // of another out folder
		}
		if sum, err := sumOf(dir, p); err != nil || sum != old.SHA256 {
			continue // gone, or a person's by now
		}
		if err := f.at("remove an old output"); err != nil {
			return err
		}
		if err := removeIfThere(dir, p); err != nil {
			return trouble("remove", old.Path, err)
		}
		if err := syncDir(dir, p); err != nil {
			return err
		}
	}
	return nil
}

// inOut is the reverse of outputPath. It reports false for a path elsewhere.
func (f *Finisher) inOut(p string) (string, bool) {
	if f.Out == "" {
		return p, !filepath.IsAbs(p)
	}
	rel, err := filepath.Rel(f.Out, p)
	return filepath.ToSlash(rel), err == nil && filepath.IsAbs(p) && filepath.IsLocal(rel)
}

// put makes p hold data, durably, if p is free or ours.
func (f *Finisher) put(dir *os.Root, p string, data []byte, mode fs.FileMode, ours []Output) error {
	now, err := sumOf(dir, p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.create(dir, p, data, mode)
	case err != nil:
		return trouble("read", p, err)
	case now == sumBytes(data):
		return errors.Join(removeIfThere(dir, tempName(p, ".tmp")), syncFile(dir, p)) // a repeat
	case !f.owns(ours, p, now):
		return fs.ErrExist
	}
	temp := tempName(p, ".tmp")
	if err := f.writeTemp(dir, temp, data, mode); err != nil {
		return err
	}
	if err := f.at("replace " + path.Ext(p)); err != nil {
		return err
	}
	if err := dir.Rename(temp, p); err != nil {
		return errors.Join(trouble("replace", p, err), dir.Remove(temp))
	}
	return syncDir(dir, p)
}

// create makes a new file that holds data, or returns fs.ErrExist.
func (f *Finisher) create(dir *os.Root, p string, data []byte, mode fs.FileMode) error {
	if !f.plain {
		err := createNameless(dir, p, data, mode, func() error { return f.at("link " + path.Ext(p)) })
		if err == nil {
			return syncDir(dir, p)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return ioError("write", p, err)
		}
	}
	temp := tempName(p, ".tmp")
	if err := f.writeTemp(dir, temp, data, mode); err != nil {
		return err
	}
	if err := f.at("rename " + path.Ext(p)); err != nil {
		return err
	}
	if err := f.moveExclusive(dir, temp, p); err != nil {
		return errors.Join(ioError("write", p, err), dir.Remove(temp))
	}
	return syncDir(dir, p)
}

// ioError is trouble, except for fs.ErrExist and the errors of a test's crash.
func ioError(verb, p string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fs.ErrExist
	}
	return trouble(verb, p, err)
}

// writeTemp writes data to a hidden file and makes it durable.
func (f *Finisher) writeTemp(dir *os.Root, temp string, data []byte, mode fs.FileMode) error {
	file, err := openTemp(dir, temp, mode)
	if err != nil {
		return trouble("write", temp, err)
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(trouble("write", temp, err), dir.Remove(temp))
	}
	return nil
}

// writeError writes the error file beside the source at p, or in Out where the
// folder cannot be written.
func (f *Finisher) writeError(root *os.Root, p string, in Intent) (Output, error) {
	beside := &Finisher{Place: f.Place, Step: f.Step, plain: f.plain}
	out, err := beside.putError(root, p, in)
	if err == nil || f.Out == "" || !isReadOnly(err) {
		return out, err
	}
	dir, err := f.openOut(root, p)
	if err != nil {
		return Output{}, err
	}
	out, err = f.putError(dir, p, in)
	return out, errors.Join(err, dir.Close())
}

func (f *Finisher) putError(dir *os.Root, p string, in Intent) (Output, error) {
	parent, name := path.Split(p)
	for n := 1; n < maxTaken; n++ {
		target := parent + fitName(name, ".error.json")
		if n > 1 {
			target = parent + fitName(name, fmt.Sprintf(".error (%d).json", n))
		}
		err := f.put(dir, target, in.Error, modeLike(dir, p), in.Stale)
		if !errors.Is(err, fs.ErrExist) {
			return Output{Path: f.outputPath(target), SHA256: sumBytes(in.Error)}, err
		}
	}
	return Output{}, api.Errorf(api.Unavailable, "write the error file of %s: every name is taken", Printable(p))
}

// IsErrorFile reports whether path has the form of an error file's name.
func IsErrorFile(path string) bool { return errorFile.MatchString(path) }

func sumBytes(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// sumOf returns the hash of the regular file at p.
func sumOf(dir *os.Root, p string) (string, error) {
	fi, err := dir.Lstat(p)
	if err != nil {
		return "", err
	}
	if !fi.Mode().IsRegular() {
		return "", fs.ErrExist
	}
	file, err := dir.OpenFile(p, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return "", err
	}
	sum, err := hashAll(context.Background(), file, make([]byte, 64<<10))
	return sum, errors.Join(err, file.Close())
}

// tempName returns the hidden name that stands for p while it is worked on. It
// is always the same for p, so that a repeat takes up what a crash left.
func tempName(p, ext string) string {
	return path.Join(path.Dir(p), tempPrefix+sumBytes([]byte(path.Base(p)))[:16]+ext)
}

const tempPrefix = ".voxparse-"

// isTemp reports whether name is one that tempName makes for an output.
func isTemp(name string) bool {
	rest, ours := bytes.CutPrefix([]byte(name), []byte(tempPrefix))
	return ours && len(rest) == 20 && string(rest[16:]) == ".tmp"
}
