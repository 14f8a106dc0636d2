package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
)

// Source is where the audio of jobs comes from.
type Source interface {
	// Open returns the path of a job's audio. The caller calls release when it
	// is no longer read. While the audio cannot be reached for now the error is
	// api.Unavailable.
	Open(ctx context.Context, job store.Job) (path string, release func(), err error)
	// Complete commits the result of a job.
	Complete(ctx context.Context, c Completion) (store.Job, error)
	// Paused reports whether the jobs of a queue are not to be claimed for now.
	Paused(queue string) bool
}

// Completion is a result that is to be committed.
type Completion struct {
	Job    store.Job
	Result *api.Result
	Stored []byte      // the result as it is stored
	Event  store.Event // that it is completed

	// Retry calls commit, again while there is no space for it, and returns its
	// last error.
	Retry func(ctx context.Context, commit func() error) error
	// Report says what the job waits for.
	Report func(waiting string)
}

// spoolSource is the audio of commands.
type spoolSource struct {
	blobs store.BlobStore
	queue store.Queue
}

// Open returns the path of a job's audio in the spool.
func (s spoolSource) Open(_ context.Context, job store.Job) (path string, release func(), err error) {
	f, err := s.blobs.Open(job.Blob)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, api.NotFound) {
		return "", nil, &engine.Error{Code: api.JobInternal, Message: "the audio of this job is no longer in the spool; submit the file again"}
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return "", nil, fmt.Errorf("open the audio: %w", err)
	}
	return s.blobs.Path(job.Blob), func() {}, nil
}

// Complete commits the result.
func (s spoolSource) Complete(ctx context.Context, c Completion) (done store.Job, err error) {
	err = c.Retry(ctx, func() (err error) {
		done, err = s.queue.Complete(ctx, c.Job.Token(), c.Stored, c.Event)
		return err
	})
	return done, err
}

// Paused reports false: the spool is always there.
func (spoolSource) Paused(string) bool { return false }
