package dropfolder

import (
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/watch"
)

// Troubles are what keeps the files of watched folders from going on.
func (fs *Folders) Troubles() []api.Problem {
	var out []api.Problem
	for _, f := range fs.list() {
		out = append(out, f.problems()...)
	}
	return out
}

// problems are what keeps the files of a folder from going on.
func (f *folder) problems() []api.Problem {
	var out []api.Problem
	if f.apart.Load() != nil {
		return nil // Unwatched says it
	}
	rec, s := f.record(), f.watcher.State()
	dir, to := watch.Printable(rec.Dir), rec.Options.Out
	if to == "" {
		to = rec.Dir
	}
	if s.Fix != "" {
		code := map[string]string{"offline": "folder_offline", "blocked": "folder_blocked"}[s.State]
		if code == "" {
			code = "folder_polled"
		}
		out = append(out, api.Problem{Code: code, Message: fmt.Sprintf("the folder %s is %s: %s", dir, s.State, s.Reason), Fix: s.Fix})
	}
	if f.absent() != nil {
		return out // the rest follows from it
	}
	if b := f.blocked.Load(); b != nil {
		out = append(out, problem.Folder(to, b.err, "transcripts of %s cannot be written to %s: %v; its files wait", dir, watch.Printable(to), problem.Cause(b.err)))
	}
	if l := f.late.Load(); l != nil {
		out = append(out, problem.Folder(rec.Dir, l.err, "%d transcribed files of %s wait to be moved, deleted or reported: %v", l.n, dir, l.err))
	}
	return out
}
