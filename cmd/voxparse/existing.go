package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/voxparse/voxparse/api"
)

// existing is what becomes of outputs that are there already.
type existing struct {
	overwrite, skip bool
	copies          bool // a silenced copy of the audio comes beside each transcript
}

// spare makes sure, before anything is sent, that the outputs can be written
// and that no file is lost to one: the audio itself never, any other only with
// --overwrite. With --skip-existing it drops the outputs that are there, and
// the inputs that have no other.
func (e existing) spare(inputs []input, targets map[string][]target) ([]input, error) {
	if err := spareInputs(inputs, targets); err != nil {
		return nil, err
	}
	var there []string
	var left []input
	for _, in := range inputs {
		var missing []target
		for _, t := range targets[in.path] {
			if t.exists() && !e.overwrite {
				there = append(there, t.path)
				continue
			}
			missing = append(missing, t)
		}
		if of := targets[in.path]; e.copies && !e.overwrite && of[0].path != "" && (target{path: of[0].copyPath()}).exists() {
			there = append(there, of[0].copyPath())
		}
		if len(missing) > 0 {
			left = append(left, in)
		}
		if e.skip {
			targets[in.path] = missing
		}
	}
	if len(there) > 0 && !e.skip {
		return nil, existsError(there)
	}
	return left, canWrite(left, targets)
}

// existsError refuses to write over files.
func existsError(there []string) error {
	what := oneLine(there[0]) + " exists already"
	if len(there) > 1 {
		what = fmt.Sprintf("%s and %s exist already", oneLine(there[0]), plural(len(there)-1, "other", "others"))
	}
	return api.Errorf(api.Conflict, "%s; --overwrite replaces what is there, --skip-existing keeps it and does the rest", what)
}

// exists reports whether a file would be written over. What is no regular file
// (a pipe, /dev/stdout) cannot be.
func (t target) exists() bool {
	if t.path == "" {
		return false
	}
	st, err := os.Stat(t.path)
	return err == nil && st.Mode().IsRegular()
}

// refuse is an error where a lone output would be written over.
func (t target) refuse(overwrite bool) error {
	if t.exists() && !overwrite {
		return api.Errorf(api.Conflict, "%s exists already; --overwrite replaces it", oneLine(t.path))
	}
	return nil
}

// spareInputs refuses outputs that are an input: nobody means that.
func spareInputs(inputs []input, targets map[string][]target) error {
	var audio []fs.FileInfo
	for _, in := range inputs {
		if st, err := os.Stat(in.path); in.path != "" && err == nil && st.Mode().IsRegular() {
			audio = append(audio, st)
		}
	}
	for _, of := range targets {
		for _, t := range of {
			st, err := os.Stat(t.path)
			if t.path == "" || err != nil {
				continue
			}
			if slices.ContainsFunc(audio, func(a fs.FileInfo) bool { return os.SameFile(a, st) }) {
				return usagef("-o %s is the audio itself; name another file", oneLine(t.path))
			}
		}
	}
	return nil
}

// canWrite tries the folders of the outputs, so that an hour of work does not
// end before a folder that nobody may write to.
func canWrite(inputs []input, targets map[string][]target) error {
	tried := map[string]bool{}
	for _, in := range inputs {
		for _, t := range targets[in.path] {
			dir := filepath.Dir(t.path)
			st, err := os.Stat(t.path)
			if t.path == "" || tried[dir] || (err == nil && !st.Mode().IsRegular()) {
				continue
			}
			tried[dir] = true
			if err := tryFolder(dir); err != nil {
				return fmt.Errorf("write to %s: %w", oneLine(dir), err)
			}
		}
	}
	return nil
}

func tryFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".voxparse-*.tmp")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
