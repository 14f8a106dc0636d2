package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/boltfile"
)

// The gate is what a database passes before bbolt opens it here. It reads the
// file by itself, so that a damaged one ends in a sentence:
//   - no file, or an empty one, is a first start only where nothing beside it
//     says that there was one;
//   - a file of a newer schema is refused before anything else is looked at;
//   - one that was not closed, or that is not as it was when it was closed, is
//     checked whole. Of an older schema that means its pages: what follows from
//     records is checked once they are migrated.

// gate returns whether the records are to be checked once they are migrated.
func gate(ctx context.Context, path string, opts Config) (checkLater bool, err error) {
	st, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("open database: %w", err)
	}
	if err != nil || st.Size() == 0 {
		return false, lost(path, err != nil, opts.Traces)
	}
	if err := probeLock(path); err != nil {
		return false, err
	}
	schema, err := look(ctx, path, opts.Logger)
	switch {
	case err != nil:
		return false, err
	case schema == 0: // it was made, and nothing was put into it
		return false, lost(path, false, opts.Traces)
	case schema > newestSchema():
		return false, newerSchema(path, schema, newestSchema())
	case opts.Check == nil:
		return false, nil
	}
	clean, err := closedAsItIs(ctx, path)
	if err != nil || clean {
		return false, err
	}
	return schema < newestSchema(), opts.Check(ctx, path)
}

// look returns the schema of a file, 0 for one that has none yet.
func look(ctx context.Context, path string, log *slog.Logger) (uint32, error) {
	f, err := boltfile.Open(path)
	if err != nil {
		return 0, inWords(err)
	}
	defer f.Close()
	if f.Fallback {
		log.Warn("one of the two first pages of the database cannot be read; going on from the other: a change that was being written when the power failed is not in it", "path", path)
	}
	return schemaIn(ctx, f)
}

func schemaIn(ctx context.Context, f *boltfile.File) (schema uint32, err error) {
	err = f.Walk(ctx, boltfile.Visitor{Only: string(bucketNames[bMeta]), Entry: func(_ string, k, v []byte) error {
		if string(k) != string(keySchema) {
			return nil
		}
		var err error
		schema, err = parseSchema(v)
		return err
	}})
	return schema, inWords(err)
}

// inWords makes a sentence of what is wrong with the bytes of a file.
func inWords(err error) error {
	if errors.Is(err, boltfile.ErrDamaged) || errors.Is(err, errRecord) {
		return damaged(err.Error())
	}
	return err
}

// damaged says that the database is, why, and what to do.
func damaged(why string) error {
	return api.Errorf(api.Internal, "the database is damaged: %s\nrestore a backup, or keep what can be read with: voxparse daemon repair", why)
}

// Missing returns what Open says of a file that is missing, nil for a first
// start.
func Missing(path string, traces []string) error { return lost(path, true, traces) }

// lost refuses to begin with an empty database where a trace of an earlier one
// is left.
func lost(path string, missing bool, traces []string) error {
	trace, err := findTrace(path, traces)
	if err != nil || trace == "" {
		return err
	}
	dir, is := filepath.Dir(path), "is empty"
	if missing {
		is = "is missing"
	}
	return api.Errorf(api.Invalid, "the database %s %s, and %s says that there was one; nothing was changed\n"+
		"put it back, or restore a backup with: voxparse daemon restore FILE; to start over, move all of it aside: mv %s %s.old", path, is, trace, dir, dir)
}

// findTrace returns what is left of an earlier database, "" for nothing.
func findTrace(path string, traces []string) (string, error) {
	copies, err := filepath.Glob(path + ".schema-?")
	if err != nil {
		return "", err
	}
	for _, name := range append(append([]string{openMarker(path), sumFile(path)}, copies...), traces...) {
		st, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("look for an earlier database: %w", err)
		}
		if !st.IsDir() {
			return name, nil
		}
		names, err := os.ReadDir(name)
		if err != nil {
			return "", fmt.Errorf("look for an earlier database: %w", err)
		}
		if len(names) > 0 {
			return filepath.Join(name, names[0].Name()), nil
		}
	}
	return "", nil
}

// A marker beside the database says that it is open. One that is there before
// we open it means that the last process did not close it.

func openMarker(path string) string { return path + ".open" }

func markOpen(path string) error {
	return os.WriteFile(openMarker(path), nil, 0o600)
}

func markClosed(path string) error {
	if err := os.Remove(openMarker(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
