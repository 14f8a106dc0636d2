package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/voxparse/voxparse/api"
)

// audioExtensions are what a folder is searched for. A file that is named
// itself may be called anything: the daemon looks at its content.
var audioExtensions = []string{
	".mp3", ".wav", ".m4a", ".m4b", ".aac", ".ogg", ".oga", ".opus", ".flac", ".webm", ".mp4", ".mov", ".mkv", ".mka",
	".aiff", ".aif", ".aifc", ".amr", ".wma", ".3gp", ".caf", ".au",
	".ul", ".ulaw", ".al", ".alaw", ".sln", ".sln16", ".gsm", ".g722", // without a header, as telephone systems write them
}

// input is one file to transcribe.
type input struct {
	path string // "" for stdin
	rel  string // path below the folder that was named, for outputs; else the base name
	name string
	size int64 // -1 for stdin
}

// expand turns arguments into inputs: files, folders (searched recursively),
// globs, and - for stdin. Each file comes once, in the order given.
func expand(args []string, stdinName string) ([]input, error) {
	var out []input
	seen := map[string]bool{}
	add := func(in input) {
		key, err := filepath.Abs(in.path)
		if err != nil {
			key = in.path
		}
		if in.path == "" || !seen[key] {
			out = append(out, in)
		}
		seen[key] = true
	}
	for _, arg := range args {
		if arg == "-" {
			if slices.ContainsFunc(out, func(in input) bool { return in.path == "" }) {
				return nil, usagef("- stands twice on the command line, and stdin can be read once")
			}
			out = append(out, input{rel: stdinName, name: stdinName, size: -1})
			continue
		}
		found, err := expandOne(arg)
		if err != nil {
			return nil, err
		}
		for _, in := range found {
			add(in)
		}
	}
	return out, nil
}

func expandOne(arg string) ([]input, error) {
	st, err := os.Stat(arg)
	switch {
	case err == nil && st.IsDir():
		return walk(arg)
	case err == nil:
		in, err := fileInput(arg, filepath.Base(arg), st)
		return []input{in}, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("look at %s: %w", oneLine(arg), errors.Unwrap(err))
	case !strings.ContainsAny(arg, "*?[{") || !doublestar.ValidatePathPattern(arg):
		return nil, api.Errorf(api.NotFound, "there is no file %s", oneLine(arg))
	}
	return expandGlob(arg)
}

func expandGlob(pattern string) ([]input, error) {
	paths, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly(), doublestar.WithNoHidden())
	if err != nil {
		return nil, fmt.Errorf("search for %s: %w", oneLine(pattern), err)
	}
	if len(paths) == 0 {
		return nil, api.Errorf(api.NotFound, "no file matches %s", oneLine(pattern))
	}
	slices.Sort(paths)
	base, _ := doublestar.SplitPattern(filepath.ToSlash(pattern))
	out := make([]input, 0, len(paths))
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", p, err)
		}
		rel, err := filepath.Rel(filepath.FromSlash(base), p)
		if err != nil {
			rel = filepath.Base(p)
		}
		in, err := fileInput(p, rel, st)
		if err != nil {
			return nil, err
		}
		out = append(out, in)
	}
	return out, nil
}

// walk finds the audio below dir, hidden files and folders left out. Links to
// files are followed, links to folders are not: they can lead in a circle.
func walk(dir string) ([]input, error) {
	var out []input
	root := dir + string(filepath.Separator) // dir itself may be a link
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("search %s: %w", oneLine(dir), err)
		}
		if path != root && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !slices.Contains(audioExtensions, strings.ToLower(filepath.Ext(path))) {
			return nil
		}
		st, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a link that leads nowhere
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", oneLine(path), err)
		}
		if !st.Mode().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return fmt.Errorf("place %s below %s: %w", oneLine(path), oneLine(dir), err)
		}
		out = append(out, input{path: filepath.Clean(path), rel: rel, name: d.Name(), size: st.Size()})
		return nil
	})
	if err == nil && len(out) == 0 {
		err = api.Errorf(api.NotFound, "there is no audio in %s (%s)", oneLine(dir), strings.Join(audioExtensions, " "))
	}
	return out, err
}

func fileInput(path, rel string, st fs.FileInfo) (input, error) {
	in := input{path: path, rel: rel, name: filepath.Base(path), size: st.Size()}
	if !st.Mode().IsRegular() {
		in.size = -1 // a pipe, such as <(…)
		if st.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0 {
			return in, usagef("%s is not a file", oneLine(path))
		}
	}
	return in, nil
}

// open opens the input's audio.
func (in input) open(stdin io.Reader) (io.ReadCloser, error) {
	if in.path == "" {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(in.path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	return f, nil
}
