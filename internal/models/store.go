package models

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// MirrorEnv is the environment variable that names a folder or URL which is
// tried before every other source. It has the layout of a models folder
// (MODEL/FILE), so a copy of one is a mirror.
const MirrorEnv = "VOXPARSE_MODEL_MIRROR"

// Options are how a Store works. The zero value is good.
type Options struct {
	Mirror string        // a folder or URL, tried first; "" for what MirrorEnv says
	Logger *slog.Logger  // nil for none
	Client *http.Client  // nil for one that suits long downloads
	Stall  time.Duration // a download that brings no byte for so long is begun again; 0 for 30 s
}

// Store is a folder of models. It is safe for use by several goroutines and
// several processes at once.
type Store struct {
	dir    string
	opts   Options
	client *http.Client
	log    *slog.Logger
	pause  time.Duration // before a source is asked again without progress
	every  time.Duration // least time between two calls of progress
}

// Open returns the store in dir, which need not exist: a pull makes it. dir is
// to be absolute.
func Open(dir string, opts Options) *Store {
	if opts.Mirror == "" {
		opts.Mirror = os.Getenv(MirrorEnv)
	}
	if opts.Stall <= 0 {
		opts.Stall = 30 * time.Second
	}
	s := &Store{dir: dir, opts: opts, client: opts.Client, log: opts.Logger, pause: time.Second, every: 100 * time.Millisecond}
	if s.client == nil {
		s.client = downloader()
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.dir }

// Entries returns the catalog and, after it, the local models in the store's
// folder. A local model whose model.json is wrong is left out and logged.
func (s *Store) Entries() []Entry {
	entries := Catalog()
	found, err := filepath.Glob(filepath.Join(s.dir, "*", localName))
	if err != nil { // only a bad pattern, which a folder's name can make it
		s.log.Warn("cannot look for local models", "dir", s.dir, "error", err)
	}
	slices.Sort(found)
	for _, path := range found {
		e, err := Local(filepath.Dir(path))
		if err != nil {
			s.log.Warn("local model left out", "path", path, "error", err)
			continue
		}
		if slices.ContainsFunc(entries, func(o Entry) bool { return o.Name == e.Name }) {
			s.log.Warn("local model left out: the catalog has one of its name", "path", path)
			continue
		}
		entries = append(entries, e)
	}
	return entries
}

// Lookup returns the model with that name, of the catalog or local, the
// default one for "". The caller does not change its slices. The error is
// api.NotFound and names the known ones; for a local model whose model.json is
// wrong it is api.Invalid and says what is.
func (s *Store) Lookup(name string) (Entry, error) {
	if e, err := Lookup(name); err == nil {
		return e, nil
	}
	e, err := find(s.Entries(), name)
	if err == nil || validName(name) != nil {
		return e, err
	}
	dir := filepath.Join(s.dir, name)
	if _, statErr := os.Stat(filepath.Join(dir, localName)); statErr == nil {
		return Local(dir)
	}
	return e, err
}

// Installed returns the models all of whose files are here and were found
// right.
func (s *Store) Installed() []Entry {
	return slices.DeleteFunc(s.Entries(), func(e Entry) bool { return s.check(e) != nil })
}

// Ready reports whether the model can be used at once. It looks at sizes,
// times and the record of the last verification and reads no model file.
func (s *Store) Ready(name string) bool {
	e, err := s.Lookup(name)
	return err == nil && s.check(e) == nil
}

// Files returns role → path of the model's files. The error is
// api.Unavailable, with the command that helps, while one is missing or was
// not found right.
func (s *Store) Files(name string) (map[string]string, error) {
	e, err := s.Lookup(name)
	if err != nil {
		return nil, err
	}
	if err := s.check(e); err != nil {
		return nil, err
	}
	files := make(map[string]string, len(e.Files))
	for _, f := range e.Files {
		files[f.Role] = s.path(e, f)
	}
	return files, nil
}

// Path returns where the file of that role lies, or would lie; with role ""
// the folder of the model. The error is api.NotFound.
func (s *Store) Path(name, role string) (string, error) {
	e, err := s.Lookup(name)
	if err != nil {
		return "", err
	}
	if role == "" {
		return s.folder(e), nil
	}
	roles := make([]string, len(e.Files))
	for i, f := range e.Files {
		if f.Role == role {
			return s.path(e, f), nil
		}
		roles[i] = f.Role
	}
	return "", api.Errorf(api.NotFound, "model %s has no file %q (it has: %s)", e.Name, role, strings.Join(roles, ", "))
}

func (s *Store) folder(e Entry) string {
	if e.dir != "" {
		return e.dir
	}
	return filepath.Join(s.dir, e.Name)
}

// home returns the folder that f belongs to and in which it is recorded as verified.
func (s *Store) home(e Entry, f File) string {
	if f.Owner != "" {
		return filepath.Join(s.dir, f.Owner)
	}
	return s.folder(e)
}

func (s *Store) path(e Entry, f File) string {
	if filepath.IsAbs(f.Name) {
		return f.Name
	}
	return filepath.Join(s.home(e, f), f.Name)
}

// check returns nil when every file of e is proven.
func (s *Store) check(e Entry) error {
	for _, f := range e.Files {
		st, err := look(s.home(e, f), s.path(e, f), f)
		if err != nil {
			return fmt.Errorf("check model %s: %w", e.Name, err)
		}
		switch {
		case st == absent && e.Local() && len(f.Sources) == 0:
			return api.Errorf(api.Unavailable, "model %s: %s is missing; put it there", e.Name, s.path(e, f))
		case st == absent:
			return api.Errorf(api.Unavailable, "model %s is not installed; fetch it with: voxparse models pull %s", e.Name, e.Name)
		case st == unverified:
			return api.Errorf(api.Unavailable, "model %s: %s was changed or not verified yet; fix it with: voxparse models pull %s", e.Name, f.Name, e.Name)
		}
	}
	return nil
}
