package mcptools

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// transcriptOut is a transcript, or a piece of it.
type transcriptOut struct {
	JobID           string        `json:"job_id"`
	File            string        `json:"file"`
	Status          api.JobStatus `json:"status"`
	DurationSeconds float64       `json:"duration_seconds,omitempty"`
	Language        string        `json:"language,omitempty"`
	Segments        []segmentOut  `json:"segments,omitempty"`
	TotalSegments   int           `json:"total_segments,omitempty"`
	NextSegment     int           `json:"next_segment,omitempty" jsonschema:"where to go on reading; absent at the end"`
	Notices         []string      `json:"notices,omitempty" jsonschema:"what to know about the recording or its transcript"`
	Next            string        `json:"next,omitempty" jsonschema:"what can be done next"`
}

type segmentOut struct {
	Segment int     `json:"segment"`
	Start   float64 `json:"start" jsonschema:"seconds"`
	End     float64 `json:"end" jsonschema:"seconds"`
	Speaker string  `json:"speaker,omitempty"`
	Text    string  `json:"text"`
}

type transcriptIn struct {
	JobID         string `json:"job_id" jsonschema:"the job, job_…"`
	FromSegment   int    `json:"from_segment,omitempty" jsonschema:"the first segment to read, from 0"`
	MaxCharacters int    `json:"max_characters,omitempty" jsonschema:"how much text to answer with, 200 to 20000; 20000 where it is left out"`
}

// transcript reads a piece of a transcript.
func (t tools) transcript(ctx context.Context, _ *mcp.CallToolRequest, in transcriptIn) (*mcp.CallToolResult, transcriptOut, error) {
	if !api.ValidID(api.JobPrefix, in.JobID) {
		return nil, transcriptOut{}, api.Errorf(api.Invalid, "job_id: got %q, want an id that begins with %s", in.JobID, api.JobPrefix)
	}
	limit, err := within("max_characters", in.MaxCharacters, maxText, 200, maxText)
	if err != nil {
		return nil, transcriptOut{}, err
	}
	job, err := t.daemon.Job(ctx, in.JobID)
	if err != nil {
		return nil, transcriptOut{}, err
	}
	return t.read(ctx, job, in.FromSegment, limit)
}

// read returns the segments of a job's transcript from one on, in at most limit
// characters and at least one segment.
func (t tools) read(ctx context.Context, job api.Job, from, limit int) (*mcp.CallToolResult, transcriptOut, error) {
	out := transcriptOut{JobID: job.ID, File: job.Source.Name, Status: job.Status}
	switch job.Status {
	case api.Failed:
		return nil, out, fmt.Errorf("%s failed: %s (%s)", job.ID, job.Error, job.ErrorCode)
	case api.Cancelled:
		return nil, out, fmt.Errorf("%s was cancelled", job.ID)
	case api.Interrupted:
		return nil, out, fmt.Errorf("%s had not ended in the backup that was restored; a person has to say that it runs again", job.ID)
	case api.Completed:
	default:
		out.Next = "it is not transcribed yet; ask again later"
		return nil, out, nil
	}
	r, err := t.daemon.Result(ctx, job.ID)
	if err != nil {
		return nil, out, err
	}
	out.DurationSeconds, out.Language, out.TotalSegments = r.DurationSeconds, r.Language, len(r.Segments)
	for _, n := range r.Notices {
		out.Notices = append(out.Notices, n.Message)
	}
	if from < 0 || from > len(r.Segments) || from == len(r.Segments) && from > 0 {
		return nil, out, api.Errorf(api.Invalid, "from_segment: got %d, and the transcript has segments 0 to %d", from, len(r.Segments)-1)
	}
	used := 0
	for i := from; i < len(r.Segments); i++ {
		s := r.Segments[i]
		used += utf8.RuneCountInString(s.Text)
		if used > limit && i > from {
			out.NextSegment = i
			out.Next = fmt.Sprintf("there is more: get_transcript with from_segment %d", i)
			break
		}
		out.Segments = append(out.Segments, segmentOut{i, s.Start, s.End, s.Speaker, s.Text})
	}
	return nil, out, nil
}

type searchIn struct {
	Query   string `json:"query" jsonschema:"the words, all of which were said"`
	Speaker string `json:"speaker,omitempty" jsonschema:"only what this speaker said"`
	Since   string `json:"since,omitempty" jsonschema:"transcribed since: a time of RFC 3339, a date, or how long ago, such as 24h"`
	Until   string `json:"until,omitempty" jsonschema:"transcribed before, as since"`
	Limit   int    `json:"limit,omitempty" jsonschema:"how many transcripts, 1 to 20; 10 where it is left out"`
	Offset  int    `json:"offset,omitempty" jsonschema:"transcripts to pass over"`
}

type searchOut struct {
	Found []hitOut `json:"found"`
}

type hitOut struct {
	JobID      string       `json:"job_id"`
	File       string       `json:"file"`
	FinishedAt time.Time    `json:"finished_at"`
	Places     []segmentHit `json:"places"`
	MorePlaces int          `json:"more_places,omitempty" jsonschema:"how many places of this transcript were left out"`
}

type segmentHit struct {
	Segment int     `json:"segment"`
	Start   float64 `json:"start" jsonschema:"seconds"`
	Speaker string  `json:"speaker,omitempty"`
	Text    string  `json:"text"`
}

// search finds what was said.
func (t tools) search(ctx context.Context, _ *mcp.CallToolRequest, in searchIn) (*mcp.CallToolResult, searchOut, error) {
	out := searchOut{Found: []hitOut{}}
	limit, err := within("limit", in.Limit, 10, 1, maxHits)
	if err != nil {
		return nil, out, err
	}
	since, err := moment("since", in.Since)
	until, err2 := moment("until", in.Until)
	if err := errors.Join(err, err2); err != nil {
		return nil, out, err
	}
	hits, err := t.daemon.SearchIndexed(ctx, api.SearchRequest{Words: in.Query, Speaker: in.Speaker, Since: since, Until: until, Limit: limit, Offset: in.Offset}, func(string) {})
	if err != nil {
		return nil, out, err
	}
	for _, h := range hits {
		hit := hitOut{JobID: h.JobID, File: h.Source.Name, FinishedAt: h.FinishedAt, Places: []segmentHit{}, MorePlaces: max(0, len(h.Snippets)-maxSnippets)}
		for _, s := range h.Snippets[:min(len(h.Snippets), maxSnippets)] {
			hit.Places = append(hit.Places, segmentHit{s.Segment, s.Start, s.Speaker, s.Text})
		}
		out.Found = append(out.Found, hit)
	}
	return nil, out, nil
}

type listIn struct {
	Status string `json:"status,omitempty" jsonschema:"only jobs with this status: queued, processing, completed, failed or cancelled"`
	Since  string `json:"since,omitempty" jsonschema:"created since: a time of RFC 3339, a date, or how long ago, such as 24h"`
	Limit  int    `json:"limit,omitempty" jsonschema:"how many jobs, 1 to 50; 20 where it is left out"`
	Offset int    `json:"offset,omitempty" jsonschema:"jobs to pass over"`
}

type listOut struct {
	Jobs []jobOut `json:"jobs"`
}

type jobOut struct {
	JobID     string        `json:"job_id"`
	File      string        `json:"file"`
	Status    api.JobStatus `json:"status"`
	CreatedAt time.Time     `json:"created_at"`
	Error     string        `json:"error,omitempty" jsonschema:"why it failed"`
	Waiting   string        `json:"waiting,omitempty" jsonschema:"why it does not run"`
}

// list lists jobs.
func (t tools) list(ctx context.Context, _ *mcp.CallToolRequest, in listIn) (*mcp.CallToolResult, listOut, error) {
	out := listOut{Jobs: []jobOut{}}
	limit, err := within("limit", in.Limit, api.DefaultListLimit, 1, maxJobs)
	if err != nil {
		return nil, out, err
	}
	since, err := moment("since", in.Since)
	if err != nil {
		return nil, out, err
	}
	jobs, err := t.daemon.Jobs(ctx, client.JobQuery{Status: api.JobStatus(in.Status), Since: since, Limit: limit, Offset: in.Offset})
	if err != nil {
		return nil, out, err
	}
	for _, j := range jobs {
		out.Jobs = append(out.Jobs, jobOut{j.ID, j.Source.Name, j.Status, j.CreatedAt, j.Error, j.Waiting})
	}
	return nil, out, nil
}
