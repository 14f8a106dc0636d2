package datadir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/internal/backup"
	"github.com/voxparse/voxparse/internal/datalock"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store/boltstore"
)

// incoming is the folder, in the data folder, of a backup that is on its way to
// its place. A start that finds it without a database refuses.
const incoming = "restore.new"

// Restored is what Restore did.
type Restored struct {
	CreatedAt time.Time // of the backup
	Version   string    // of the program that made it
	Audio     int       // audio files
	Key       bool      // the master key was in it
	Aside     string    // folder with what was there before; "" where there was nothing
}

// RestoreOptions are how Restore works. Version and Check are required.
type RestoreOptions struct {
	Version string
	// Check looks at a database; see boltstore.Config.
	Check func(ctx context.Context, path string) error
	// Passphrase is called where the master key is in the backup.
	Passphrase func() (string, error)
	NoKey      bool // keep the master key that is here
	Resume     bool // the backup is the latest state: what was open goes on
}

// Restore puts a backup in the place of what the data folder dir has, which is
// set aside, and marks it: the next start leaves nothing of it to go on by itself.
// No daemon may run: else the error is api.Conflict. The backup is read and
// checked whole before anything is moved. A restore that was cut short is
// repeated; until then no daemon starts.
func Restore(ctx context.Context, dir string, r io.Reader, o RestoreOptions) (done Restored, err error) {
	if err := fsx.PrivateDir(dir); err != nil {
		return done, fmt.Errorf("prepare the data folder: %w", err)
	}
	lock, err := Lock(ctx, dir, datalock.Owner{PID: os.Getpid(), Version: o.Version}, slog.New(slog.DiscardHandler))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	from := filepath.Join(dir, incoming)
	if err := os.RemoveAll(from); err != nil {
		return done, fmt.Errorf("clear up what an earlier restore left: %w", err)
	}
	if err := os.Mkdir(from, 0o700); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	moving := false
	defer func() {
		if err != nil && !moving {
			err = errors.Join(err, os.RemoveAll(from))
		}
	}()
	b, err := backup.Extract(ctx, r, from)
	if err != nil {
		return done, err
	}
	database := filepath.Join(from, backup.DatabaseName)
	if err := o.Check(ctx, database); err != nil {
		return done, fmt.Errorf("check the database of the backup: %w", err)
	}
	done = Restored{CreatedAt: b.CreatedAt, Version: b.Version, Audio: len(b.Files) - 1}
	if b.HasKey() {
		done.Audio--
		if done.Key, err = importKey(from, b, o); err != nil {
			return done, err
		}
	}
	if !o.Resume {
		if err := boltstore.MarkRestored(database); err != nil {
			return done, err
		}
	}
	moving = true
	if done.Aside, err = setAside(dir, done.Key); err != nil {
		return done, fmt.Errorf("set aside what was there: %w", err)
	}
	if err := moveIn(dir, from); err != nil {
		return done, fmt.Errorf("put the backup in its place; repeat the restore: %w", err)
	}
	return done, nil
}

// importKey opens the master key, unless the one that is here stays.
func importKey(to string, b *backup.Backup, o RestoreOptions) (bool, error) {
	if o.NoKey {
		return false, nil
	}
	word, err := o.Passphrase()
	if err != nil {
		return false, err
	}
	key, err := b.Key(word)
	if err != nil {
		return false, err
	}
	return true, vault.Import(to, key)
}

// setAside moves what a backup replaces into a folder of its own, the database
// first: without it, and with the backup in incoming, no daemon starts.
func setAside(dir string, key bool) (aside string, err error) {
	names := []string{DatabaseFile}
	for _, path := range boltstore.Beside(filepath.Join(dir, DatabaseFile)) {
		names = append(names, filepath.Base(path))
	}
	names = append(names, backup.AudioDir, SearchDir)
	if key {
		names = append(names, vault.Files()...)
	}
	aside = filepath.Join(dir, "before-restore-"+time.Now().UTC().Format("20060102T150405.000000000Z"))
	moved := false
	for _, name := range names {
		from := filepath.Join(dir, name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return "", err
		}
		if !moved {
			if err := os.Mkdir(aside, 0o700); err != nil {
				return "", err
			}
			moved = true
		}
		if err := os.Rename(from, filepath.Join(aside, name)); err != nil {
			return "", err
		}
	}
	if !moved {
		return "", nil
	}
	// Redacted audio serves the jobs that the backup knows as well.
	if err := linkAll(filepath.Join(dir, SilencedDir), filepath.Join(aside, SilencedDir)); err != nil {
		return "", err
	}
	return aside, errors.Join(fsx.SyncDir(aside), fsx.SyncDir(dir))
}

// linkAll gives the files of one folder a second name in another.
func linkAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return fsx.SyncDir(to)
}

// moveIn moves what was extracted to its place, the database last.
func moveIn(dir, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == backup.DatabaseName {
			continue
		}
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := fsx.SyncDir(dir); err != nil {
		return err
	}
	if err := fsx.Rename(filepath.Join(from, backup.DatabaseName), filepath.Join(dir, DatabaseFile)); err != nil {
		return err
	}
	return os.RemoveAll(from)
}
