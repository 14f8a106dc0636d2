package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/watch"
)

// leastFree is how much space the data folder should have, in bytes.
const leastFree = 512 << 20

// problems are what keeps work from going on, webhooks aside. try tells whether
// a folder can be written to.
func (d *Daemon) problems(try func(dir string) error) []api.Problem {
	out := append(d.work.fetch.problems(), d.dataProblems(try)...)
	out = append(out, d.folders.problems()...)
	for _, f := range d.folders.list() {
		out = append(out, f.problems()...)
	}
	return out
}

// dataProblems looks where all that is durable goes.
func (d *Daemon) dataProblems(try func(dir string) error) []api.Problem {
	var out []api.Problem
	for _, p := range []place{{d.cfg.DataDir, "uploads and results wait"}, {filepath.Join(d.cfg.DataDir, "spool"), "uploads are refused"}} {
		if err := try(p.dir); err != nil {
			return append(out, problem(p.dir, err, "%s cannot be written to: %v; %s", p.dir, bare(err), p.what))
		}
	}
	if free, ok := freeSpace(d.cfg.DataDir); ok && free < leastFree {
		out = append(out, api.Problem{Code: "no_space", Message: fmt.Sprintf("%d MB are left on the disk of %s", free>>20, d.cfg.DataDir), Cure: "free some space there"})
	}
	return out
}

// problems are what keeps the files of a folder from going on.
func (f *folder) problems() []api.Problem {
	var out []api.Problem
	rec, s := f.record(), f.watcher.State()
	dir, to := watch.Printable(rec.Dir), rec.Options.Out
	if to == "" {
		to = rec.Dir
	}
	if s.Cure != "" {
		code := map[string]string{"offline": "folder_offline", "blocked": "folder_blocked"}[s.State]
		if code == "" {
			code = "folder_polled"
		}
		out = append(out, api.Problem{Code: code, Message: fmt.Sprintf("the folder %s is %s: %s", dir, s.State, s.Reason), Cure: s.Cure})
	}
	if f.watcher.Absent() != nil {
		return out // the rest follows from it
	}
	if b := f.blocked.Load(); b != nil {
		out = append(out, problem(to, b.err, "transcripts of %s cannot be written to %s: %v; its files wait", dir, watch.Printable(to), bare(b.err)))
	}
	if l := f.late.Load(); l != nil {
		out = append(out, problem(rec.Dir, l.err, "%d transcribed files of %s wait to be moved, deleted or reported: %v", l.n, dir, l.err))
	}
	return out
}

// problem gives trouble in a folder its code, and the command that mends it or
// shows more.
func problem(dir string, err error, format string, args ...any) api.Problem {
	p := api.Problem{Code: "unavailable", Message: fmt.Sprintf(format, args...), Cure: "ls -ld " + quoted(dir)}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		p.Code, p.Cure = "no_space", "free some space: df -h "+quoted(dir)
	case errors.Is(err, syscall.EROFS):
		p.Code, p.Cure = "read_only", "make its disk writable: findmnt -T "+quoted(dir)
	case errors.Is(err, fs.ErrPermission):
		p.Code, p.Cure = "no_permission", "chmod u+rwx "+quoted(dir)
	case errors.Is(err, api.Conflict):
		p.Code, p.Cure = "folder_conflict", "voxparse watch list"
	case errors.Is(err, fs.ErrNotExist):
		p.Code, p.Cure = "missing", "mkdir -p "+quoted(dir)
	}
	return p
}

// bare is the system's own word in an error, without the path that it is about.
func bare(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
