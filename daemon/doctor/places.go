package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store/boltstore"
)

// Space that should be left, in bytes.
const (
	spaceWarn = problem.LeastFree
	spaceFail = 64 << 20
)

// dataFolder looks at the folder that everything durable is in.
func (m *machine) dataFolder(context.Context) []api.Finding {
	const id = "data_folder"
	dir := m.cfg.DataDir
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []api.Finding{ok(id, "%s does not exist yet; the daemon makes it", dir)}
	case err != nil:
		return []api.Finding{fail(id, "ls -ld "+problem.Quote(dir), "the data folder cannot be looked at: %v", err)}
	case !st.IsDir():
		return []api.Finding{fail(id, moveAway(dir), "%s is not a folder", dir)}
	}
	out := m.private(id, dir, st, 0o700)
	if err := problem.TryWrite(dir); err != nil {
		out = append(out, fail(id, "df -h "+problem.Quote(dir)+"; mount | grep -w ro", "nothing can be written to the data folder: %v", err))
	}
	elsewhere := `set data_dir = "/…" in ` + problem.Quote(m.cfg.ConfigFile) + " to a folder on a local disk"
	if err := boltstore.RefuseNetwork(dir); err != nil {
		out = append(out, fail(id, elsewhere, "%v", err))
	} else if kind := volatile(dir); kind != "" {
		out = append(out, warn(id, elsewhere, "the data folder is on %s: jobs and webhooks are gone with the next boot", kind))
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{ok(id, "%s is ours alone and can be written to", dir)}
}

// moveAway is the command that makes room at path.
func moveAway(path string) string {
	return "mv " + problem.Quote(path) + " " + problem.Quote(path+".old")
}

// private looks whether path is ours and closed to others.
func (m *machine) private(id, path string, st fs.FileInfo, mode fs.FileMode) []api.Finding {
	var out []api.Finding
	if uid, known := fsx.Owner(st); known && uid != os.Geteuid() {
		out = append(out, fail(id, fmt.Sprintf("sudo chown %d %s", os.Geteuid(), problem.Quote(path)), "%s belongs to another user (uid %d)", path, uid))
	}
	if perm := st.Mode().Perm(); perm&0o077 != 0 {
		out = append(out, fail(id, fmt.Sprintf("chmod %o %s", mode, problem.Quote(path)), "others may use %s (%#o)", path, perm))
	}
	return out
}

// socketFolder looks at the socket and at who could take its place.
func (m *machine) socketFolder(context.Context) []api.Finding {
	const id = "socket"
	path := m.cfg.Socket
	if len(path) > listener.MaxSocketPath {
		return []api.Finding{fail(id, "export VOXPARSE_SOCKET=/tmp/voxparse-$(id -u)/voxparse.sock", "the socket path has %d bytes, and at most %d can be bound", len(path), listener.MaxSocketPath)}
	}
	var out []api.Finding
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err == nil {
		out = append(out, m.private(id, dir, st, 0o700)...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		out = append(out, fail(id, "ls -ld "+problem.Quote(dir), "the folder of the socket cannot be looked at: %v", err))
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode().Type() != fs.ModeSocket {
			out = append(out, fail(id, moveAway(path), "%s is not a socket", path))
		}
		out = append(out, m.private(id, path, st, 0o600)...)
	}
	if len(out) > 0 {
		return out
	}
	if err := fsx.CheckTrusted(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		fix := "namei -l " + problem.Quote(dir)
		if st, serr := os.Lstat(dir); serr == nil && st.Mode().Type() == fs.ModeSymlink {
			fix = "rm " + problem.Quote(dir)
		}
		return []api.Finding{fail(id, fix, "both the daemon and the commands refuse the socket: %v", err)}
	}
	return []api.Finding{ok(id, "%s can be reached by this user only", path)}
}

// privateFiles looks at the files that hold keys and data.
func (m *machine) privateFiles(context.Context) []api.Finding {
	const id = "private_files"
	var out []api.Finding
	for _, name := range []string{"vault.key", "keys.json", boltstore.FileName} {
		path := filepath.Join(m.cfg.DataDir, name)
		if st, err := os.Lstat(path); err == nil {
			out = append(out, m.private(id, path, st, 0o600)...)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) { // that is data_folder's to say
			out = append(out, fail(id, "ls -l "+problem.Quote(path), "%s cannot be looked at: %v", name, err))
		}
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{ok(id, "keys and database can be read by this user only")}
}

// diskSpace looks at the room where something is written.
func (m *machine) diskSpace(context.Context) []api.Finding {
	const id = "disk_space"
	var out []api.Finding
	least := uint64(1<<63 - 1)
	for _, p := range m.writtenPlaces() {
		free, ok := fsx.FreeSpace(existing(p.dir))
		if !ok {
			continue
		}
		least = min(least, free)
		switch {
		case free < spaceFail:
			out = append(out, fail(id, "df -h "+problem.Quote(existing(p.dir)), "only %s left for %s", sizeText(free), p.what))
		case free < spaceWarn:
			out = append(out, warn(id, "df -h "+problem.Quote(existing(p.dir)), "%s left for %s", sizeText(free), p.what))
		}
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{ok(id, "%s or more is left wherever something is written", sizeText(least))}
}

// place is a folder that something is written to.
type place struct{ dir, what string }

func (m *machine) writtenPlaces() []place {
	out := []place{
		{m.cfg.DataDir, "the data folder"}, {filepath.Join(m.cfg.DataDir, "spool"), "the audio that waits"},
		{m.cfg.ModelsDir, "the models"}, {m.cfg.CacheDir, "the cache"},
	}
	for _, f := range m.folders {
		if f.Out != "" {
			out = append(out, place{f.Out, "the transcripts of " + f.Dir})
		} else {
			out = append(out, place{f.Dir, "the transcripts in " + f.Dir})
		}
	}
	seen, kept := map[string]bool{}, out[:0]
	for _, p := range out {
		if !seen[p.dir] {
			seen[p.dir] = true
			kept = append(kept, p)
		}
	}
	return kept
}

// existing is the nearest folder above dir, or itself, that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// sizeText writes a size of a disk for a person.
func sizeText(n uint64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MB", n>>20)
}
