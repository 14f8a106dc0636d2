package mcptools

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/duration"
)

// Daemon is what the tools need of a daemon; client.Client is one.
type Daemon interface {
	Submit(ctx context.Context, u client.Upload) (api.Accepted, error)
	WaitJob(ctx context.Context, id string, seen func(api.JobEvent)) (api.Job, error)
	Job(ctx context.Context, id string) (api.Job, error)
	Jobs(ctx context.Context, q client.JobQuery) ([]api.Job, error)
	Result(ctx context.Context, id string) (*api.Result, error)
	SearchIndexed(ctx context.Context, r api.SearchRequest, busy func(message string)) ([]api.SearchHit, error)
}

// instructions tell the model behind an assistant what this server is for.
const instructions = `Transcripts of audio on the user's own machine. transcribe_file makes one of a file;
search_transcripts finds what was said, list_jobs what there is, get_transcript reads one, piece by piece.
Times are seconds from the start of the recording. Cite the file and the time of what you quote.`

// tools are the tools over one daemon.
type tools struct{ daemon Daemon }

// Serve speaks the protocol over in and out until in ends or ctx does. version
// is that of this program. Nothing else may write to out.
func Serve(ctx context.Context, d Daemon, version string, in io.ReadCloser, out io.WriteCloser) error {
	t := tools{d}
	s := mcp.NewServer(&mcp.Implementation{Name: "voxparse", Title: "voxparse", Version: version}, &mcp.ServerOptions{Instructions: instructions})
	readOnly := &mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: new(false)}
	mcp.AddTool(s, &mcp.Tool{Name: "transcribe_file", Title: "Transcribe a file",
		Description: "Transcribe an audio or video file of this machine. Answers with the beginning of the transcript, or, where that takes longer than wait_seconds, with the job, which goes on.",
		Annotations: &mcp.ToolAnnotations{DestructiveHint: new(false), OpenWorldHint: new(false)}}, t.transcribe)
	mcp.AddTool(s, &mcp.Tool{Name: "get_transcript", Title: "Read a transcript", Annotations: readOnly,
		Description: "Read a transcript from a segment on: who said what, and when. next_segment in the answer is where to go on."}, t.transcript)
	mcp.AddTool(s, &mcp.Tool{Name: "search_transcripts", Title: "Search transcripts", Annotations: readOnly,
		Description: "Find transcripts in which all words were said, best first, with the places. \"words in quotes\" stand together, refund* begins so, name~ may differ in a letter or two, -word must not be said."}, t.search)
	mcp.AddTool(s, &mcp.Tool{Name: "list_jobs", Title: "List jobs", Annotations: readOnly,
		Description: "List jobs, newest first: what was transcribed, what waits, and what failed, with the reason."}, t.list)
	err := s.Run(ctx, &mcp.IOTransport{Reader: in, Writer: out})
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		return err
	}
	return nil // the assistant has gone, or the user
}

// moment reads a time that a model wrote; the zero time where it wrote none.
func moment(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := duration.Time(s)
	if err != nil {
		return time.Time{}, api.Errorf(api.Invalid, "%s: %v", field, err)
	}
	return t, nil
}

// within returns a number that a model gave, fallback where it gave none, and
// refuses one that is not from least to most.
func within(field string, got, fallback, least, most int) (int, error) {
	n := cmp.Or(got, fallback)
	if n < least || n > most {
		return 0, api.Errorf(api.Invalid, "%s: got %d, want %d to %d", field, got, least, most)
	}
	return n, nil
}
