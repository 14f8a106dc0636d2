package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// Verify reads every file of the model and compares its hash. A file that is
// wrong is marked so, and the model is not Ready until it is pulled again. The
// error is api.Unavailable and names the files that are missing or wrong.
func (s *Store) Verify(ctx context.Context, name string) error {
	e, err := s.Lookup(name)
	if err != nil {
		return err
	}
	var bad []string
	for _, f := range e.Files {
		wrong, err := s.verify(ctx, e, f)
		if err != nil {
			return fmt.Errorf("verify model %s: %w", e.Name, err)
		}
		if wrong != "" {
			bad = append(bad, f.Name+" "+wrong)
		}
	}
	if len(bad) > 0 {
		return api.Errorf(api.Unavailable, "model %s: %s; fetch it again with: voxparse models pull %s", e.Name, strings.Join(bad, ", "), e.Name)
	}
	return nil
}

// verify returns what is wrong with f, "" for nothing.
func (s *Store) verify(ctx context.Context, e Entry, f File) (wrong string, err error) {
	owner := f.Owner
	if owner == "" {
		owner = e.Name
	}
	path, dir := s.path(e, f), s.home(e, f)
	st, err := look(dir, path, f)
	if err != nil || st == absent {
		return "is missing", err
	}
	if f.SHA256 == "" {
		return "", nil
	}
	unlock, err := s.lock(ctx, owner, nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	sum, err := hashFile(ctx, path)
	if errors.Is(err, os.ErrNotExist) {
		return "is missing", nil
	}
	if err != nil {
		return "", err
	}
	if sum != f.SHA256 {
		return "is damaged", setVerified(dir, f.Name, path, "")
	}
	if st == proven {
		return "", nil // so that a folder which may only be read can be verified
	}
	return "", setVerified(dir, f.Name, path, sum)
}

// Remove deletes the model's files, with those cut short, and the shared ones
// that no other installed model needs. It returns how many bytes that freed. A
// local model is the user's own: its fetched files go, the others and its
// definition stay. The error is api.NotFound, also when nothing of it is here.
func (s *Store) Remove(ctx context.Context, name string) (int64, error) {
	e, err := s.Lookup(name)
	if err != nil {
		return 0, err
	}
	needed := map[string]bool{}
	for _, other := range s.Installed() {
		for _, f := range other.Files {
			if other.Name != e.Name && f.Owner != "" {
				needed[f.Owner] = true
			}
		}
	}
	if needed[e.Name] {
		return 0, api.Errorf(api.Conflict, "model %s is needed by the speech models that are installed; remove those first", e.Name)
	}
	var freed int64
	for owner, files := range byOwner(e) {
		if needed[owner] {
			continue
		}
		n, err := s.remove(ctx, e, owner, files)
		if err != nil {
			return freed, fmt.Errorf("remove model %s: %w", e.Name, err)
		}
		freed += n
	}
	if freed == 0 {
		return 0, api.Errorf(api.NotFound, "model %s is not installed", e.Name)
	}
	return freed, nil
}

func (s *Store) remove(ctx context.Context, e Entry, owner string, files []File) (int64, error) {
	unlock, err := s.lock(ctx, owner, nil)
	if err != nil {
		return 0, err
	}
	defer unlock()
	dir := s.home(e, files[0])
	var freed int64
	for _, f := range files {
		if e.Local() && f.Owner == "" && len(f.Sources) == 0 {
			continue
		}
		path := s.path(e, f)
		for _, p := range []string{path, partName(path), originName(path), path + derivedSuffix} {
			if fi, err := os.Stat(p); err == nil {
				freed += fi.Size()
			}
			if err := fsx.RemoveIfExists(p); err != nil {
				return freed, err
			}
		}
	}
	for _, p := range []string{verifiedName, verifiedName + ".tmp"} {
		if err := fsx.RemoveIfExists(filepath.Join(dir, p)); err != nil {
			return freed, err
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, ".npm")); err != nil {
		return freed, fmt.Errorf("remove npm archives: %w", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		return freed, ignoreAbsent(err)
	}
	return freed, os.Remove(dir)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
