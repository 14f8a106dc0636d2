package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/watch"
)

// maxCounted bounds the folders that are counted for their watches.
const maxCounted = 1_000_000

// folderAccess looks whether each drop folder can be read, and written to where
// that is needed.
func (x *doctor) folderAccess(context.Context) []api.Finding {
	const id = "folder_access"
	var out []api.Finding
	for _, f := range x.folders {
		out = append(out, x.access(id, f)...)
		if kind := watch.RemoteKind(f.dir); kind != "" {
			out = append(out, doubt(id, "watch the folder on the machine that has it, where that matters", "%s is on %s, which does not tell of changes made elsewhere: it is looked through every now and then", watch.Printable(f.dir), kind))
		}
	}
	if len(out) == 0 && len(x.folders) > 0 {
		out = append(out, fine(id, "the drop folders can be used (%d)", len(x.folders)))
	}
	return out
}

func (x *doctor) access(id string, f patient) []api.Finding {
	shown := watch.Printable(f.dir)
	if _, err := os.ReadDir(f.dir); err != nil {
		cure := "ls -ld " + quoted(f.dir)
		if errors.Is(err, fs.ErrNotExist) {
			cure = "mkdir -p " + quoted(f.dir) + ", or plug its volume in"
		}
		return []api.Finding{wrong(id, cure, "%s cannot be read: %v", shown, err)}
	}
	var out []api.Finding
	if f.out == "" || f.after == watch.Move || f.after == watch.Delete {
		if err := mayWrite(f.dir); err != nil {
			out = append(out, wrong(id, "chmod u+rwx "+quoted(f.dir)+"; mount | grep -w ro", "%s cannot be written to: %v", shown, err))
		}
	}
	for _, dir := range []string{filepath.Join(f.dir, watch.DoneDir), filepath.Join(f.dir, watch.FailedDir)} {
		if _, err := os.Stat(dir); err != nil || f.after != watch.Move {
			continue
		}
		if err := mayWrite(dir); err != nil {
			out = append(out, wrong(id, "chmod u+rwx "+quoted(dir), "files cannot be moved to %s: %v", watch.Printable(dir), err))
		}
	}
	if st, err := os.Stat(f.out); err == nil && !st.IsDir() {
		out = append(out, wrong(id, moveAway(f.out), "transcripts cannot be written to %s: it is not a folder", watch.Printable(f.out)))
	} else if f.out != "" {
		if err := mayWrite(existing(f.out)); err != nil {
			out = append(out, wrong(id, "mkdir -p "+quoted(f.out)+" && chmod u+rwx "+quoted(f.out), "transcripts cannot be written to %s: %v", watch.Printable(f.out), err))
		}
	}
	return out
}

// watches compares what the system grants with what the drop folders need.
func (x *doctor) watches(ctx context.Context) []api.Finding {
	use, ok := inotifyUse()
	if !ok || len(x.folders) == 0 {
		return nil
	}
	need := 0
	for _, f := range x.folders {
		need += countDirs(ctx, f.dir, f.deep)
	}
	return compareWatches(use, need, len(x.folders))
}

// compareWatches compares what is granted and in use with need watches for so
// many folders, each with an instance of its own.
func compareWatches(use inotify, need, folders int) []api.Finding {
	const id = "inotify"
	var out []api.Finding
	if used := use.watches + need; used > use.maxWatches {
		out = append(out, wrong(id, sysctl("max_user_watches", max(524288, 2*used)),
			"the drop folders need %d watches, other programs have %d, and the system grants %d in all: some folders are only looked through now and then", need, use.watches, use.maxWatches))
	}
	if used := use.instances + folders; used > use.maxInstances {
		out = append(out, wrong(id, sysctl("max_user_instances", max(1024, 2*used)),
			"the drop folders need %d inotify instances, other programs have %d, and the system grants %d in all", folders, use.instances, use.maxInstances))
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{fine(id, "the drop folders need %d watches, other programs have %d, and the system grants %d", need, use.watches, use.maxWatches)}
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
			return nil // what cannot be read is not watched either
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
