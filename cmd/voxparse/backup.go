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
	Path  string `json:"path"`
	Bytes int64  `json:"bytes_written"`
}

func daemonBackupCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE|-", Short: "Copy the database, while the daemon works or not", Args: args("FILE|-"),
		Long: `Copy the database as it is at this moment, while the daemon works or not, and check
the copy. To go back to it: voxparse daemon stop, then put it in the place of
voxparse.db in the data folder, and remove voxparse.db.open there.

Jobs, transcripts, webhooks and the delivery log are in it. The audio of jobs that
wait is not, and neither is the master key, which the webhooks' secrets need: keep
vault.key, or the keyring, in another place.`,
		Example: "  voxparse daemon backup voxparse-$(date +%F).db\n  voxparse daemon backup - | ssh host 'cat > voxparse.db'",
		RunE: func(c *cobra.Command, got []string) error {
			if got[0] == "-" {
				return a.writeBackup(c.Context(), a.out)
			}
			done, err := a.backupTo(c.Context(), got[0])
			if err != nil {
				return err
			}
			return printOne(a, done, done.Path, func() { a.printf("%s is a whole copy (%s)\n", oneLine(done.Path), bytesText(done.Bytes)) })
		},
	}
}

// writeBackup writes the database to w: the daemon's where one runs.
func (a *app) writeBackup(ctx context.Context, w io.Writer) error {
	cl, err := a.local(ctx, nil)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := cl.Backup(ctx, w); !errors.Is(err, client.ErrUnreachable) {
		return err
	}
	return datadir.Backup(ctx, a.database(), w)
}

// database is the path of the database of this user's own daemon.
func (a *app) database() string { return filepath.Join(a.cfg.DataDir, datadir.DatabaseFile) }

// backupTo makes a backup that is checked and durable before it has its name.
// What is there already is not replaced.
func (a *app) backupTo(ctx context.Context, path string) (_ backedUp, err error) {
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
	err = a.writeBackup(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	st, serr := f.Stat()
	if err = errors.Join(err, serr, f.Close()); err != nil {
		return backedUp{}, fmt.Errorf("make the backup: %w", err)
	}
	if err := checkDatabase(ctx, f.Name()); err != nil {
		return backedUp{}, fmt.Errorf("check the backup: %w", err)
	}
	if err := fsx.Rename(f.Name(), path); err != nil {
		return backedUp{}, fmt.Errorf("make the backup: %w", err)
	}
	kept = true
	return backedUp{path, st.Size()}, nil
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
