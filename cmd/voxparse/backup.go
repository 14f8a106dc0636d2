package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/internal/fsx"
)

// backedUp is what daemon backup --json prints.
type backedUp struct {
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes_written"`
	WithKey bool   `json:"with_key"`
}

func daemonBackupCmd(a *app) *cobra.Command {
	var p passphrase
	var withKey bool
	c := &cobra.Command{
		Use: "backup FILE|-", Short: "Back up the database and the audio that waits, while the daemon works or not", Args: args("FILE|-"),
		Long: `Write the database as it is at this moment and the audio of jobs that wait into one
file, while the daemon works or not, and check it: jobs, transcripts, webhooks, the
delivery log, drop folders. To go back to it: voxparse daemon restore FILE.

The master key, which the secrets of the webhooks need, is in it only with --with-key,
sealed with a passphrase that is asked for. Without it, keep vault.key in the data
folder, or the keyring, in another place.`,
		Example: "  voxparse daemon backup voxparse-$(date +%F).tar --with-key\n  voxparse daemon backup - | ssh host 'cat > voxparse.tar'",
		RunE: func(c *cobra.Command, got []string) error {
			word := ""
			if withKey || p.file != "" {
				var err error
				if word, err = a.newPassphrase(c.Context(), p); err != nil {
					return err
				}
			}
			if got[0] == "-" {
				return a.writeBackup(c.Context(), a.out, word)
			}
			done, err := a.backupTo(c.Context(), got[0], word)
			if err != nil {
				return err
			}
			return printOne(a, done, done.Path, func() { a.printf("%s is a whole backup (%s)\n", oneLine(done.Path), bytesText(done.Bytes)) })
		},
	}
	c.Flags().BoolVar(&withKey, "with-key", false, "put the master key in, sealed with a passphrase")
	p.flag(c)
	return c
}

// writeBackup writes a backup to w: the daemon does where one runs.
func (a *app) writeBackup(ctx context.Context, w io.Writer, passphrase string) error {
	cl, err := a.local(ctx, nil)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err = a.awaitStart(ctx, cl); err == nil {
		return cl.Backup(ctx, w, passphrase)
	}
	if !errors.Is(err, client.ErrUnreachable) {
		return a.explain(ctx, a.cfg, err)
	}
	return datadir.Backup(ctx, a.cfg.DataDir, version, passphrase, w)
}

// database is the path of the database of this user's own daemon.
func (a *app) database() string { return filepath.Join(a.cfg.DataDir, datadir.DatabaseFile) }

// backupTo makes a backup that is checked and durable before it has its name.
// What is there already is not replaced.
func (a *app) backupTo(ctx context.Context, path, passphrase string) (_ backedUp, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return backedUp{}, fmt.Errorf("find the place of the backup: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return backedUp{}, api.Errorf(api.Conflict, "%s exists; name another file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".voxparse-backup-*")
	if err != nil {
		return backedUp{}, fmt.Errorf("make the backup: %w", err)
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = a.writeBackup(ctx, f, passphrase)
	if err == nil {
		err = f.Sync()
	}
	st, serr := f.Stat()
	if err = errors.Join(err, serr); err != nil {
		return backedUp{}, fmt.Errorf("make the backup: %w", errors.Join(err, f.Close()))
	}
	withKey, err := checkBackup(ctx, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return backedUp{}, fmt.Errorf("check the backup: %w", err)
	}
	if err := fsx.Rename(f.Name(), path); err != nil {
		return backedUp{}, fmt.Errorf("make the backup: %w", err)
	}
	kept = true
	return backedUp{path, st.Size(), withKey}, nil
}

// checkBackup reads a backup that was written to f whole.
func checkBackup(ctx context.Context, f *os.File) (withKey bool, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	return datadir.CheckBackup(ctx, f, filepath.Dir(f.Name()), checkDatabase)
}

// compacted is what daemon compact --json prints.
type compacted struct {
	Path   string `json:"path"`
	Before int64  `json:"bytes_before"`
	After  int64  `json:"bytes_after"`
}

// stoppedDatabase returns the path of the database of a daemon that does not run.
func (a *app) stoppedDatabase(ctx context.Context) (string, error) {
	cl, err := a.local(ctx, nil)
	if err != nil {
		return "", err
	}
	defer cl.Close()
	if _, err := cl.Health(ctx); !errors.Is(err, client.ErrUnreachable) {
		return "", api.Errorf(api.Conflict, "the daemon runs; stop it first: voxparse daemon stop")
	}
	path := a.database()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", api.Errorf(api.NotFound, "there is no database yet: %s", path)
	}
	return path, nil
}

func daemonCompactCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Give the free space in the database back to the disk", Args: args(),
		Long: `Write the database anew without its free pages. The daemon must not run. The old
file is replaced once the new one is complete and durable; there must be room for both.`,
		Example: "  voxparse daemon stop && voxparse daemon compact && voxparse daemon start",
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := a.stoppedDatabase(c.Context())
			if err != nil {
				return err
			}
			if err := checkDatabase(c.Context(), path); err != nil {
				return err
			}
			before, after, err := datadir.Compact(path)
			if err != nil {
				return err
			}
			return printOne(a, compacted{path, before, after}, path, func() {
				a.printf("%s: %s, and was %s\n", oneLine(path), bytesText(after), bytesText(before))
			})
		},
	}
}
