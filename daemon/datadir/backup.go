package datadir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/backup"
	"github.com/voxparse/voxparse/internal/datalock"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/store/spool"
)

// WriteBackup writes the database and the audio that waits to w, and with a
// passphrase the master key, sealed with it. What is removed meanwhile is removed
// afterwards.
func WriteBackup(ctx context.Context, w io.Writer, version string, db store.Backuper, blobs store.BlobStore, keys *vault.Vault, passphrase string) error {
	release := blobs.Hold()
	defer release()
	src := backup.Source{Version: version, Database: db.Backup, Audio: blobs.Names,
		Open: func(name string) (*os.File, error) { return os.Open(blobs.Path(name)) }, Passphrase: passphrase}
	if passphrase != "" {
		src.Key = keys.Export
	}
	return backup.Write(ctx, w, src)
}

// offline is the database of a daemon that does not run.
type offline string

// Backup implements store.Backuper.
func (path offline) Backup(ctx context.Context, begin func(size int64) (io.Writer, error)) error {
	return boltstore.BackupFile(ctx, string(path), begin)
}

// Backup is WriteBackup of a data folder that no daemon has: else the error is
// api.Conflict, and client.Backup is the way.
func Backup(ctx context.Context, dir, version, passphrase string, w io.Writer) (err error) {
	if _, err := os.Stat(filepath.Join(dir, DatabaseFile)); err != nil {
		return api.Errorf(api.NotFound, "there is no database in %s to back up", dir)
	}
	lock, err := Lock(ctx, dir, datalock.Owner{PID: os.Getpid(), Version: version}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	blobs, err := OpenSpool(dir)
	if err != nil {
		return err
	}
	var keys *vault.Vault
	if passphrase != "" {
		if keys, err = vault.Open(dir, vault.Options{MustExist: true}); err != nil {
			return err
		}
	}
	return WriteBackup(ctx, w, version, offline(filepath.Join(dir, DatabaseFile)), blobs, keys, passphrase)
}

// OpenSpool opens the audio of jobs.
func OpenSpool(dir string) (*spool.Blobs, error) {
	return spool.Open(filepath.Join(dir, backup.AudioDir), filepath.Join(dir, spool.QuarantineDir))
}

// CheckBackup reads a backup whole, and reports whether the master key is in it.
// The error is api.Invalid where it cannot be restored. check looks at the
// database, of which it is given a copy in the folder room, where there has to be
// room for it.
func CheckBackup(ctx context.Context, r io.Reader, room string, check func(ctx context.Context, path string) error) (withKey bool, err error) {
	dir, err := os.MkdirTemp(room, ".voxparse-backup-*")
	if err != nil {
		return false, fmt.Errorf("check the backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := backup.ExtractDatabase(ctx, r, dir)
	if err != nil {
		return false, err
	}
	return b.HasKey(), check(ctx, filepath.Join(dir, backup.DatabaseName))
}
