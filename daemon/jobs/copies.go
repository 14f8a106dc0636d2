package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store"
)

// copyExt is the ending of a silenced copy.
const copyExt = ".wav"

// Copies are the silenced copies of the audio of jobs, each one file that is
// named after its job. It is there before the job is completed and goes with the
// job: that of a job which did not complete is of no use and is swept away. That
// of a job which the store does not know stays for as long as finished jobs are
// kept: the store may be an older one.
type Copies struct {
	Dir    string        // made when it is needed
	Keep   time.Duration // for how long finished jobs are kept
	Jobs   Reader
	Logger *slog.Logger
}

// Path returns where the copy of a job is, or would be.
func (c *Copies) Path(jobID string) string { return filepath.Join(c.Dir, jobID+copyExt) }

// keep makes the file part the durable copy of a job.
func (c *Copies) keep(part, jobID string) error {
	if err := fsx.SyncFile(part); err != nil {
		return fmt.Errorf("keep silenced audio: %w", err)
	}
	if err := fsx.Rename(part, c.Path(jobID)); err != nil {
		return fmt.Errorf("keep silenced audio: %w", err)
	}
	return nil
}

// Remove removes the copy of a job that is gone. What cannot be removed now is
// swept away later.
func (c *Copies) Remove(jobID string) {
	if err := fsx.RemoveIfExists(c.Path(jobID)); err != nil {
		c.Logger.Warn("remove silenced audio", "job", jobID, "error", err)
	}
}

// Sweep removes the copies that no job needs, and returns how many.
func (c *Copies) Sweep(ctx context.Context) (n int) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Logger.Error("look for silenced audio without a job", "error", err)
	}
	for _, e := range entries {
		id, part, _ := strings.Cut(e.Name(), copyExt)
		job, err := c.Jobs.Job(ctx, id)
		switch {
		case err != nil && !errors.Is(err, api.NotFound) && !errors.Is(err, api.Invalid):
			return n // the store is closing
		case err == nil && needsCopy(job, part), errors.Is(err, api.NotFound) && part == "" && c.young(id):
			continue
		}
		if err := os.Remove(filepath.Join(c.Dir, e.Name())); err != nil {
			c.Logger.Warn("remove silenced audio", "file", e.Name(), "error", err)
			continue
		}
		n++
	}
	return n
}

// young reports whether a job of that id, had there been one, would be kept still.
func (c *Copies) young(jobID string) bool {
	u, err := store.ParseID(api.JobPrefix, jobID)
	return err == nil && time.Since(u.Time()) < c.Keep
}

// needsCopy reports whether a job may still use a file; part is what its name
// has after that of the whole copy.
func needsCopy(job store.Job, part string) bool {
	return !job.Status.Terminal() || (job.Status == api.Completed || job.Status == api.Interrupted) && part == ""
}
