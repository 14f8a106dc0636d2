package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Space that should be left, in bytes.
const (
	spaceDoubt = leastFree
	spaceWrong = 64 << 20
)

// dataFolder looks at the folder that everything durable is in.
func (x *doctor) dataFolder(context.Context) []api.Finding {
	const id = "data_folder"
	dir := x.cfg.DataDir
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []api.Finding{fine(id, "%s does not exist yet; the daemon makes it", dir)}
	case err != nil:
		return []api.Finding{wrong(id, "ls -ld "+quoted(dir), "the data folder cannot be looked at: %v", err)}
	case !st.IsDir():
		return []api.Finding{wrong(id, moveAway(dir), "%s is not a folder", dir)}
	}
	out := x.private(id, dir, st, 0o700)
	if err := writeOnce(dir); err != nil {
		out = append(out, wrong(id, "df -h "+quoted(dir)+"; mount | grep -w ro", "nothing can be written to the data folder: %v", err))
	}
	elsewhere := `set data_dir = "/…" in ` + quoted(x.cfg.ConfigFile) + " to a folder on a local disk"
	if err := store.RefuseNetwork(dir); err != nil {
		out = append(out, wrong(id, elsewhere, "%v", err))
	} else if kind := volatile(dir); kind != "" {
		out = append(out, doubt(id, elsewhere, "the data folder is on %s: jobs and webhooks are gone with the next boot", kind))
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{fine(id, "%s is ours alone and can be written to", dir)}
}

// moveAway is the command that makes room at path.
func moveAway(path string) string { return "mv " + quoted(path) + " " + quoted(path+".old") }

// private looks whether path is ours and closed to others.
func (x *doctor) private(id, path string, st fs.FileInfo, mode fs.FileMode) []api.Finding {
	var out []api.Finding
	if uid, known := ownerOf(st); known && uid != os.Geteuid() {
		out = append(out, wrong(id, fmt.Sprintf("sudo chown %d %s", os.Geteuid(), quoted(path)), "%s belongs to another user (uid %d)", path, uid))
	}
	if perm := st.Mode().Perm(); perm&0o077 != 0 {
		out = append(out, wrong(id, fmt.Sprintf("chmod %o %s", mode, quoted(path)), "others may use %s (%#o)", path, perm))
	}
	return out
}

// writeOnce writes a file durably, and removes it.
func writeOnce(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// socketFolder looks at the socket and at who could take its place.
func (x *doctor) socketFolder(context.Context) []api.Finding {
	const id = "socket"
	path := x.cfg.Socket
	if len(path) > maxSocketPath {
		return []api.Finding{wrong(id, "export VOXPARSE_SOCKET=/tmp/voxparse-$(id -u)/voxparse.sock", "the socket path has %d bytes, and at most %d can be bound", len(path), maxSocketPath)}
	}
	var out []api.Finding
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err == nil {
		out = append(out, x.private(id, dir, st, 0o700)...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		out = append(out, wrong(id, "ls -ld "+quoted(dir), "the folder of the socket cannot be looked at: %v", err))
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode().Type() != fs.ModeSocket {
			out = append(out, wrong(id, moveAway(path), "%s is not a socket", path))
		}
		out = append(out, x.private(id, path, st, 0o600)...)
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{fine(id, "%s can be reached by this user only", path)}
}

// privateFiles looks at the files that hold keys and data.
func (x *doctor) privateFiles(context.Context) []api.Finding {
	const id = "private_files"
	var out []api.Finding
	for _, name := range []string{"vault.key", "keys.json", DatabaseFile} {
		path := filepath.Join(x.cfg.DataDir, name)
		if st, err := os.Lstat(path); err == nil {
			out = append(out, x.private(id, path, st, 0o600)...)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) { // that is data_folder's to say
			out = append(out, wrong(id, "ls -l "+quoted(path), "%s cannot be looked at: %v", name, err))
		}
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{fine(id, "keys and database can be read by this user only")}
}

// diskSpace looks at the room where something is written.
func (x *doctor) diskSpace(context.Context) []api.Finding {
	const id = "disk_space"
	var out []api.Finding
	least := uint64(1<<63 - 1)
	for _, p := range x.writtenPlaces() {
		free, ok := freeSpace(existing(p.dir))
		if !ok {
			continue
		}
		least = min(least, free)
		switch {
		case free < spaceWrong:
			out = append(out, wrong(id, "df -h "+quoted(existing(p.dir)), "only %d MB are left for %s", free>>20, p.what))
		case free < spaceDoubt:
			out = append(out, doubt(id, "df -h "+quoted(existing(p.dir)), "%d MB are left for %s", free>>20, p.what))
		}
	}
	if len(out) > 0 {
		return out
	}
	return []api.Finding{fine(id, "%d MB or more are left wherever something is written", least>>20)}
}

// place is a folder that something is written to.
type place struct{ dir, what string }

func (x *doctor) writtenPlaces() []place {
	out := []place{
		{x.cfg.DataDir, "the data folder"}, {filepath.Join(x.cfg.DataDir, "spool"), "the audio that waits"},
		{x.cfg.ModelsDir, "the models"}, {x.cfg.CacheDir, "the cache"},
	}
	for _, f := range x.folders {
		if f.out != "" {
			out = append(out, place{f.out, "the transcripts of " + f.dir})
		} else {
			out = append(out, place{f.dir, "the transcripts in " + f.dir})
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
