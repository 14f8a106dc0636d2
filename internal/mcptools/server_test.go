package mcptools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/mcptools"
	"github.com/voxparse/voxparse/store"
)

// fakeDaemon has one job and its transcript. The real daemon is behind the
// tools in testdata/script/mcp.txtar.
type fakeDaemon struct {
	job    api.Job
	result api.Result
	slow   bool // the job does not end while somebody waits
	asked  client.JobQuery
}

func (f *fakeDaemon) Submit(_ context.Context, u client.Upload) (api.Accepted, error) {
	audio, err := u.Open()
	if err != nil {
		return api.Accepted{}, err
	}
	defer audio.Close()
	if _, err := io.ReadAll(audio); err != nil {
		return api.Accepted{}, err
	}
	f.job.Source.Name = u.Name
	return api.Accepted{JobID: f.job.ID}, nil
}

func (f *fakeDaemon) WaitJob(ctx context.Context, _ string, seen func(api.JobEvent)) (api.Job, error) {
	seen(api.JobEvent{Type: "progress", Job: api.Job{Progress: &api.Progress{Stage: "transcribe", PositionSeconds: 5, DurationSeconds: 10}}})
	if f.slow {
		<-ctx.Done()
		return api.Job{}, ctx.Err()
	}
	return f.job, nil
}

func (f *fakeDaemon) Job(_ context.Context, id string) (api.Job, error) {
	if id != f.job.ID {
		return api.Job{}, api.Errorf(api.NotFound, "there is no job %s", id)
	}
	return f.job, nil
}

func (f *fakeDaemon) Jobs(_ context.Context, q client.JobQuery) ([]api.Job, error) {
	f.asked = q
	return []api.Job{f.job}, nil
}

func (f *fakeDaemon) Result(context.Context, string) (*api.Result, error) { return &f.result, nil }

func (f *fakeDaemon) SearchIndexed(context.Context, api.SearchRequest, func(string)) ([]api.SearchHit, error) {
	snippets := make([]api.SearchSnippet, 7)
	for i := range snippets {
		snippets[i] = api.SearchSnippet{Segment: i, Start: float64(i), Text: "a refund"}
	}
	return []api.SearchHit{{JobID: f.job.ID, Source: api.Source{Name: "call.wav"}, Snippets: snippets}}, nil
}

func newDaemon(segments int) *fakeDaemon {
	f := &fakeDaemon{job: api.Job{ID: store.NewID(api.JobPrefix), Status: api.Completed}}
	f.result = api.Result{JobID: f.job.ID, DurationSeconds: float64(segments), Language: "en", Notices: []api.Notice{{Message: "It is quiet."}}}
	for i := range segments {
		f.result.Segments = append(f.result.Segments, api.Segment{Start: float64(i), End: float64(i + 1), Text: strings.Repeat("x", 100)})
	}
	return f
}

// connect returns a session of the protocol's own client, and the progress that
// it is told of.
func connect(t *testing.T, d mcptools.Daemon) (*mcp.ClientSession, <-chan float64) {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mcptools.Serve(ctx, d, "test", fromClient, toClient) }()
	progress := make(chan float64, 10)
	c := mcp.NewClient(&mcp.Implementation{Name: "test"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { progress <- r.Params.Progress },
	})
	session, err := c.Connect(ctx, &mcp.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("close the session: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("got %v from Serve, want nothing once the client has gone", err)
		}
	})
	return session, progress
}

// call calls a tool and decodes its answer, or returns what it said was wrong.
func call[T any](t *testing.T, s *mcp.ClientSession, tool string, args map[string]any) (out T, wrong string) {
	t.Helper()
	params := &mcp.CallToolParams{Name: tool, Arguments: args}
	params.SetProgressToken("p")
	r, err := s.CallTool(t.Context(), params)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	if r.IsError {
		return out, r.Content[0].(*mcp.TextContent).Text
	}
	data, err := json.Marshal(r.StructuredContent)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatalf("%s: got %v: %v", tool, r.StructuredContent, err)
	}
	return out, ""
}

type transcript struct {
	JobID       string `json:"job_id"`
	File        string
	Status      string
	Segments    []struct{ Segment int }
	NextSegment int      `json:"next_segment"`
	Total       int      `json:"total_segments"`
	Notices     []string `json:"notices"`
	Next        string
}

func TestTools(t *testing.T) {
	s, _ := connect(t, newDaemon(1))
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
		if tool.Description == "" || tool.InputSchema == nil || tool.OutputSchema == nil {
			t.Errorf("%s: got no description or no schema", tool.Name)
		}
	}
	if got, want := fmt.Sprint(names), "[get_transcript list_jobs search_transcripts transcribe_file]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTranscript_isReadInPieces(t *testing.T) {
	d := newDaemon(500) // 50,000 characters
	s, _ := connect(t, d)
	seen, from := 0, 0
	for range 10 {
		got, wrong := call[transcript](t, s, "get_transcript", map[string]any{"job_id": d.job.ID, "from_segment": from})
		if wrong != "" || len(got.Segments) == 0 || len(got.Segments) > 200 || got.Segments[0].Segment != from || got.Total != 500 {
			t.Fatalf("from %d: got %d segments of %d, %s", from, len(got.Segments), got.Total, wrong)
		}
		seen += len(got.Segments)
		if from = got.NextSegment; from == 0 {
			break
		}
	}
	if seen != 500 {
		t.Errorf("got %d segments, want 500", seen)
	}
}

func TestTranscript_refused(t *testing.T) {
	d := newDaemon(3)
	s, _ := connect(t, d)
	for _, tt := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"job_id": "last"}, "begins with job_"},
		{map[string]any{"job_id": store.NewID(api.JobPrefix)}, "there is no job"},
		{map[string]any{"job_id": d.job.ID, "from_segment": 3}, "segments 0 to 2"},
		{map[string]any{"job_id": d.job.ID, "from_segment": -1}, "segments 0 to 2"},
		{map[string]any{"job_id": d.job.ID, "max_characters": 5}, "200 to 20000"},
	} {
		if _, wrong := call[transcript](t, s, "get_transcript", tt.args); !strings.Contains(wrong, tt.want) {
			t.Errorf("%v: got %q, want %q", tt.args, wrong, tt.want)
		}
	}
	d.job.Status, d.job.Error, d.job.ErrorCode = api.Failed, "Nobody speaks.", api.JobNoSpeech
	if _, wrong := call[transcript](t, s, "get_transcript", map[string]any{"job_id": d.job.ID}); !strings.Contains(wrong, "Nobody speaks. (no_speech)") {
		t.Errorf("got %q, want why the job failed", wrong)
	}
}

func TestTranscribeFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "call.wav")
	if err := os.WriteFile(file, []byte("audio"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDaemon(2)
	s, progress := connect(t, d)
	got, wrong := call[transcript](t, s, "transcribe_file", map[string]any{"path": file})
	if wrong != "" || got.File != "call.wav" || len(got.Segments) != 2 || len(got.Notices) != 1 || got.NextSegment != 0 {
		t.Errorf("got %+v, %s, want the transcript with its notice", got, wrong)
	}
	select {
	case p := <-progress:
		if p != 5 {
			t.Errorf("got progress %g, want 5", p)
		}
	case <-time.After(10 * time.Second):
		t.Error("got no progress")
	}
	d.slow = true
	if got, wrong := call[transcript](t, s, "transcribe_file", map[string]any{"path": file, "wait_seconds": 1}); wrong != "" || got.Status != "processing" || !strings.Contains(got.Next, got.JobID) {
		t.Errorf("got %+v, %s, want the job, which goes on", got, wrong)
	}
	for _, tt := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"path": "call.wav"}, "absolute"},
		{map[string]any{"path": file + ".gone"}, "no such file"},
		{map[string]any{"path": filepath.Dir(file)}, "is not a file"},
		{map[string]any{"path": file, "wait_seconds": 9999}, "1 to 1800"},
	} {
		if _, wrong := call[transcript](t, s, "transcribe_file", tt.args); !strings.Contains(wrong, tt.want) {
			t.Errorf("%v: got %q, want %q", tt.args, wrong, tt.want)
		}
	}
}

func TestSearchAndList(t *testing.T) {
	d := newDaemon(1)
	s, _ := connect(t, d)
	found, wrong := call[struct {
		Found []struct {
			Places     []struct{ Text string }
			MorePlaces int `json:"more_places"`
		}
	}](t, s, "search_transcripts", map[string]any{"query": "refund", "since": "24h"})
	if wrong != "" || len(found.Found) != 1 || len(found.Found[0].Places) != 5 || found.Found[0].MorePlaces != 2 {
		t.Errorf("got %+v, %s, want one transcript with 5 of its 7 places", found, wrong)
	}
	listed, wrong := call[struct{ Jobs []struct{ Status string } }](t, s, "list_jobs", map[string]any{"status": "completed", "since": "2026-05-03", "limit": 7})
	if wrong != "" || len(listed.Jobs) != 1 || d.asked.Limit != 7 || d.asked.Status != api.Completed || d.asked.Since.IsZero() {
		t.Errorf("got %+v, %s, asked %+v, want one job", listed, wrong, d.asked)
	}
	for tool, args := range map[string]map[string]any{
		"search_transcripts": {"query": "x", "limit": 21},
		"list_jobs":          {"since": "last week"},
	} {
		if _, wrong := call[struct{}](t, s, tool, args); !strings.Contains(wrong, "got ") {
			t.Errorf("%s %v: got %q, want a refusal", tool, args, wrong)
		}
	}
}
