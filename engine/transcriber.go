package engine

import (
	"context"

	"github.com/voxparse/voxparse/api"
)

// Transcriber turns one file into a transcript: the pool of local workers, or
// a remote engine. An error that is the file's or the engine's is an *Error;
// the cause of a cancelled context is returned as it is.
type Transcriber interface {
	Transcribe(ctx context.Context, r Request, m Model, progress func(api.Progress)) (*api.Result, error)
}
