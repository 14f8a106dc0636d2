package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/watch"
)

// maxCounted bounds the folders that are counted for their watches.
const maxCounted = 1_000_000

// folderAccess looks whether each drop folder can be read, and written to where
// that is needed.
func (m *machine) folderAccess(context.Context) []api.Finding {
	const id = "folder_access"
	var out []api.Finding
	for _, f := range m.folders {
		out = append(out, m.access(id, f)...)
		if kind := fsx.RemoteKind(f.Dir); kind != "" {
			out = append(out, warn(id, "watch the folder on the machine that has it, where that matters", "%s is on %s, which does not tell of changes made elsewhere: it is looked through every now and then", watch.Printable(f.Dir), kind))
		}
	}
	if len(out) == 0 && len(m.folders) > 0 {
		out = append(out, ok(id, "the drop folders can be used (%d)", len(m.folders)))
	}
	return out
}

func (m *machine) access(id string, f config.Folder) []api.Finding {
	shown := watch.Printable(f.Dir)
	if _, err := os.ReadDir(f.Dir); err != nil {
		fix := "ls -ld " + problem.Quote(f.Dir)
		if errors.Is(err, fs.ErrNotExist) {
			fix = "mkdir -p " + problem.Quote(f.Dir) + ", or plug its volume in"
		}
		return []api.Finding{fail(id, fix, "%s cannot be read: %v", shown, err)}
	}
	var out []api.Finding
	if f.Out == "" || f.After == api.AfterMove || f.After == api.AfterDelete {
		if err := fsx.MayWrite(f.Dir); err != nil {
			out = append(out, fail(id, "chmod u+rwx "+problem.Quote(f.Dir)+"; mount | grep -w ro", "%s cannot be written to: %v", shown, err))
		}
	}
	for _, dir := range []string{filepath.Join(f.Dir, watch.DoneDir), filepath.Join(f.Dir, watch.FailedDir)} {
		if _, err := os.Stat(dir); err != nil || f.After != api.AfterMove {
			continue
		}
		if err := fsx.MayWrite(dir); err != nil {
			out = append(out, fail(id, "chmod u+rwx "+problem.Quote(dir), "files cannot be moved to %s: %v", watch.Printable(dir), err))
		}
	}
	if st, err := os.Stat(f.Out); err == nil && !st.IsDir() {
		out = append(out, fail(id, moveAway(f.Out), "transcripts cannot be written to %s: it is not a folder", watch.Printable(f.Out)))
	} else if f.Out != "" {
		if err := fsx.MayWrite(existing(f.Out)); err != nil {
			out = append(out, fail(id, "mkdir -p "+problem.Quote(f.Out)+" && chmod u+rwx "+problem.Quote(f.Out), "transcripts cannot be written to %s: %v", watch.Printable(f.Out), err))
		}
	}
	return out
}

// watches compares what the system grants with what the drop folders need.
func (m *machine) watches(ctx context.Context) []api.Finding {
	use, ok := inotifyUse()
	if !ok || len(m.folders) == 0 {
		return nil
	}
	need := 0
	for _, f := range m.folders {
		need += countDirs(ctx, f.Dir, f.Recursive)
	}
	return compareWatches(use, need, len(m.folders))
}

// compareWatches compares what is granted and in use with need watches for so
// many folders, each with an instance of its own.
func compareWatches(use inotify, need, folders int) []api.Finding {
	const id = "inotify"
	var out []api.Finding
	if used := use.watches + need; used > use.maxWatches {
		out = append(out, fail(id, sysctl("max_user_watches", max(524288, 2*used)),
			"the drop folders need %d of the watches that the system grants, other programs have %d, of %d in all: some folders are only looked through now and then", need, use.watches, use.maxWatches))
	}
	if used := use.instances + folders; used > use.maxInstances {
		out = append(out, fail(id, sysctl("max_user_instances", max(1024, 2*used)),
			"the drop folders need %d inotify instances, other programs have %d, and the system grants %d in all", folders, use.instances, use.maxInstances))
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{ok(id, "the drop folders need %d of the watches that the system grants, other programs have %d, of %d in all", need, use.watches, use.maxWatches)}
}

// sysctl is the command that raises a limit of inotify, also after a boot.
func sysctl(name string, to int) string {
	return fmt.Sprintf("echo fs.inotify.%s=%d | sudo tee -a /etc/sysctl.d/60-voxparse.conf && sudo sysctl --system", name, to)
}

// countDirs counts the folders that are watched below dir, itself among them.
func countDirs(ctx context.Context, dir string, deep bool) int {
	if !deep {
		return 1
	}
	n := 0
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil, n >= maxCounted:
			return fs.SkipAll
		case err != nil:
			return nil //nolint:nilerr // what cannot be read is not watched either
		case e.IsDir() && n > 0 && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case e.IsDir():
			n++
		}
		return nil
	})
	if err != nil {
		return max(n, 1) // a lower bound
	}
	return n
}
