package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// Pull fetches what is missing of a model and verifies what is unverified. It
// calls progress, which may be nil, from its own goroutine, a few times a
// second at most. A pull that was cut short is resumed by the next. The error
// is api.Unavailable, a *PullError, when no source had a file; api.NotFound
// for an unknown name; api.Invalid for a mirror that is neither a folder nor a
// URL. ctx ends it at any time.
func (s *Store) Pull(ctx context.Context, name string, progress func(Progress)) error {
	e, err := s.Lookup(name)
	if err != nil {
		return err
	}
	mirror, err := parseMirror(s.opts.Mirror)
	if err != nil {
		return err
	}
	p := &pull{store: s, entry: e, mirror: mirror, meter: newMeter(e, s.every, progress)}
	groups := byOwner(e)
	for _, owner := range slices.Sorted(maps.Keys(groups)) {
		if err := p.owner(ctx, owner, groups[owner]); err != nil {
			return err
		}
	}
	p.meter.show(Progress{Stage: StageDone})
	return nil
}

// pull is one call of Pull.
type pull struct {
	store  *Store
	entry  Entry
	mirror mirror
	meter  *meter
	npm    npmClient // of the folder that is being filled
}

// byOwner groups the files of e by the folder they lie in.
func byOwner(e Entry) map[string][]File {
	groups := map[string][]File{}
	for _, f := range e.Files {
		owner := f.Owner
		if owner == "" {
			owner = e.Name
		}
		groups[owner] = append(groups[owner], f)
	}
	return groups
}

// owner makes the files of one folder right, under its lock.
func (p *pull) owner(ctx context.Context, owner string, files []File) (err error) {
	if p.proven(files) {
		for _, f := range files {
			p.meter.have(f)
		}
		return nil
	}
	unlock, err := p.store.lock(ctx, owner, func() { p.meter.show(Progress{Stage: StageWait}) })
	if err != nil {
		return p.explain(err)
	}
	defer unlock()
	dir := p.store.home(p.entry, files[0])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p.explain(fmt.Errorf("make model folder: %w", err))
	}
	p.npm = npmClient{dir: filepath.Join(dir, ".npm")}
	if err := p.npm.clean(); err != nil { // what a killed pull left
		return err
	}
	defer func() { err = errors.Join(err, p.npm.clean()) }()
	if err := p.room(dir, files); err != nil {
		return err
	}
	for _, f := range files {
		if err := p.file(ctx, dir, owner, f); err != nil {
			return p.explain(err)
		}
	}
	return nil
}

// proven reports whether nothing is to be done; an error counts as something.
func (p *pull) proven(files []File) bool {
	for _, f := range files {
		st, err := look(p.store.home(p.entry, f), p.store.path(p.entry, f), f)
		if err != nil || st != proven {
			return false
		}
	}
	return true
}

// file makes one file right: it stands, or is found right, or is fetched.
func (p *pull) file(ctx context.Context, dir, owner string, f File) error {
	path := p.store.path(p.entry, f)
	st, err := look(dir, path, f)
	if err != nil {
		return err
	}
	if st == unverified && f.SHA256 != "" {
		p.meter.show(Progress{Stage: StageVerify, File: f.Name})
		sum, err := hashFile(ctx, path)
		if err != nil {
			return err
		}
		if sum == f.SHA256 {
			if err := setVerified(dir, f.Name, path, sum); err != nil {
				return err
			}
			st = proven
		}
	}
	if st == proven {
		p.meter.have(f)
		return nil
	}
	return p.fetch(ctx, dir, owner, path, f)
}

// fetch asks the sources in order until one has the file.
func (p *pull) fetch(ctx context.Context, dir, owner, path string, f File) error {
	failed := &PullError{Model: p.entry.Name, File: owner + "/" + f.Name}
	sources := p.sources(owner, f)
	if len(sources) == 0 {
		return api.Errorf(api.Unavailable, "model %s: %s is missing or damaged and its definition names no source; put the file there", p.entry.Name, path)
	}
	for _, src := range sources {
		err := p.from(ctx, src, dir, path, f)
		if err == nil {
			p.store.log.Info("model file fetched", "model", owner, "file", f.Name, "source", src.String())
			p.meter.have(f)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("fetch %s: %w", failed.File, context.Cause(ctx))
		}
		var local *writeError
		if errors.As(err, &local) {
			return err
		}
		p.store.log.Debug("model source failed", "file", failed.File, "source", src.String(), "error", err)
		failed.Tried = append(failed.Tried, Try{Source: src.String(), Err: err})
	}
	return failed
}

// sources returns the sources of f in the order in which they are asked.
func (p *pull) sources(owner string, f File) []source {
	if f.SHA256 == "" || filepath.Base(f.Name) != f.Name {
		return nil // nothing could tell the right file; or it is not in a folder of ours
	}
	var list []source
	for _, s := range f.Sources {
		if s.builtin != nil {
			list = append(list, builtinSource{s})
		}
	}
	if m := p.mirror.source(p.store, owner, f.Name); m != nil {
		list = append(list, m)
	}
	for _, s := range f.Sources {
		switch {
		case s.NPM != "":
			list = append(list, npmSource{s, &p.npm})
		case s.URL != "":
			list = append(list, urlSource{p.store, s.URL})
		}
	}
	return list
}

// from fetches f from one source. A file that was put together from an earlier
// try and is wrong is fetched once more, from its first byte.
func (p *pull) from(ctx context.Context, src source, dir, path string, f File) (err error) {
	part, err := openPart(path, f.Size)
	if err != nil {
		return &writeError{err}
	}
	defer func() { err = errors.Join(err, part.close()) }()
	for {
		part.grown = func(n int64) {
			p.meter.show(Progress{Stage: StageFetch, File: f.Name, Source: src.String(), Done: n})
		}
		p.meter.show(Progress{Stage: StageFetch, File: f.Name, Source: src.String(), Done: part.n})
		if f.Size == 0 || part.n < f.Size {
			if err := src.fetch(ctx, part); err != nil {
				return err
			}
		}
		sum := part.sum()
		if sum == f.SHA256 {
			if err := part.commit(); err != nil {
				return err
			}
			return setVerified(dir, f.Name, path, sum)
		}
		resumed := part.resumed
		wrong := fmt.Errorf("it has %d bytes with SHA-256 %s, want %s", part.n, sum, f.SHA256)
		if err := part.reset(); err != nil {
			return err
		}
		if !resumed {
			return wrong
		}
	}
}

// room returns an error when the disk cannot hold what is to be fetched.
func (p *pull) room(dir string, files []File) error {
	var need int64
	for _, f := range files {
		if _, err := os.Stat(p.store.path(p.entry, f)); err != nil {
			need += f.Size
		}
	}
	if free, known := fsx.FreeSpace(dir); known && free < uint64(need) {
		return noSpace(dir, p.entry.Name, need, int64(free))
	}
	return nil // a file system that cannot tell will when it is full
}

func noSpace(dir, model string, need, free int64) error {
	return api.Errorf(api.Unavailable, "no space in %s for model %s: it needs %s and %s are free; free some space, or set models_dir to a larger disk",
		dir, model, megabytes(need), megabytes(free))
}

// explain turns a full or closed disk into a sentence that says what to do.
func (p *pull) explain(err error) error {
	switch {
	case fsx.IsFull(err):
		return api.Errorf(api.Unavailable, "no space left in %s while fetching model %s: free some space, or set models_dir to a larger disk, and pull again", p.store.dir, p.entry.Name)
	case errors.Is(err, os.ErrPermission), fsx.IsReadOnly(err):
		return api.Errorf(api.Unavailable, "cannot write models to %s (%v): make it writable, or set models_dir to a folder of your own", p.store.dir, err)
	}
	return err
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// hashFile returns the SHA-256 of the file at path.
func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := context.Cause(ctx); err != nil {
			return "", fmt.Errorf("verify %s: %w", path, err)
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", fmt.Errorf("verify %s: %w", path, err)
		}
	}
}
