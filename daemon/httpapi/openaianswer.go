package httpapi

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/internal/transcript"
	"github.com/voxparse/voxparse/store"
)

// openAIUsage says what a transcription is charged by.
type openAIUsage struct {
	Type    string `json:"type"`
	Seconds int    `json:"seconds"` // of audio, rounded up
}

func usage(r *api.Result) openAIUsage {
	return openAIUsage{"duration", int(math.Ceil(r.DurationSeconds))}
}

// openAITranscript is the answer of the format json.
type openAITranscript struct {
	Text  string      `json:"text"`
	Usage openAIUsage `json:"usage"`
}

// openAIVerboseTranscript is the answer of the format verbose_json.
type openAIVerboseTranscript struct {
	Task     string          `json:"task"`
	Language string          `json:"language"` // in English, lower case
	Duration float64         `json:"duration"` // seconds
	Text     string          `json:"text"`
	Segments []openAISegment `json:"segments,omitzero"`
	Words    []openAIWord    `json:"words,omitzero"`
	Usage    openAIUsage     `json:"usage"`
}

// openAISegment is a segment as Whisper has it. Seek, Tokens, Temperature and
// NoSpeechProb are of its decoder: ours have nothing of the kind, and they are
// always 0 or empty.
type openAISegment struct {
	ID               int     `json:"id"`
	Seek             int     `json:"seek"`
	Start            float64 `json:"start"` // seconds
	End              float64 `json:"end"`
	Text             string  `json:"text"`
	Tokens           []int   `json:"tokens"`
	Temperature      float64 `json:"temperature"`
	AvgLogprob       float64 `json:"avg_logprob"`       // of the confidence; 0 where the engine gives none
	CompressionRatio float64 `json:"compression_ratio"` // of the text by zlib
	NoSpeechProb     float64 `json:"no_speech_prob"`
}

type openAIWord struct {
	Word  string  `json:"word"`
	Start float64 `json:"start"` // seconds
	End   float64 `json:"end"`
}

// answer writes a transcript in the format that was asked for.
func (f *openAIForm) answer(w http.ResponseWriter, r *api.Result) error {
	switch f.format {
	case openAIJSON:
		writeJSON(w, http.StatusOK, openAITranscript{r.Text, usage(r)})
		return nil
	case openAIText:
		writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte(r.Text+"\n"))
		return nil
	case openAIVerbose:
		writeJSON(w, http.StatusOK, f.verbose(r))
		return nil
	}
	var b bytes.Buffer
	if err := transcript.Write(&b, f.format, r); err != nil {
		return fmt.Errorf("write the result of %s as %s: %w", r.JobID, f.format, err)
	}
	writeBytes(w, http.StatusOK, transcript.ContentType(f.format), b.Bytes())
	return nil
}

// verbose returns a transcript with its segments, or with its words, or both,
// as they were asked for.
func (f *openAIForm) verbose(r *api.Result) openAIVerboseTranscript {
	v := openAIVerboseTranscript{Task: "transcribe", Language: languageName(r.Language), Duration: r.DurationSeconds, Text: r.Text, Usage: usage(r)}
	if len(f.granularities) == 0 || slices.Contains(f.granularities, bySegment) {
		v.Segments = []openAISegment{}
		for i, s := range r.Segments {
			v.Segments = append(v.Segments, openAISegment{ID: i, Start: s.Start, End: s.End, Text: s.Text, Tokens: []int{},
				AvgLogprob: logprob(s.Confidence), CompressionRatio: compression(s.Text)})
		}
	}
	if slices.Contains(f.granularities, byWord) {
		v.Words = []openAIWord{}
		for _, word := range r.Words {
			v.Words = append(v.Words, openAIWord{word.Text, word.Start, word.End})
		}
	}
	return v
}

// languageName returns the English name of a language tag in lower case, as
// Whisper writes it; a tag that has none stays as it is.
func languageName(tag string) string {
	t, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	base, _ := t.Base()
	if name := display.English.Languages().Name(base); name != "" {
		return strings.ToLower(name)
	}
	return tag
}

func logprob(confidence *float64) float64 {
	const least = 1e-4 // the logarithm of 0 is no JSON
	if confidence == nil {
		return 0
	}
	return math.Log(max(*confidence, least))
}

// compression is how many times smaller zlib makes a text. Text that repeats
// itself has a high one.
func compression(text string) float64 {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := z.Write([]byte(text))
	if err = errors.Join(err, z.Close()); err != nil || b.Len() == 0 {
		return 0 // cannot be: a buffer takes everything
	}
	return float64(len(text)) / float64(b.Len())
}

// openAIDelta and openAIDone are the events of a stream.
type (
	openAIDelta struct {
		Type  string `json:"type"`
		Delta string `json:"delta"`
	}
	openAIDone struct {
		Type  string      `json:"type"`
		Text  string      `json:"text"`
		Usage openAIUsage `json:"usage"`
	}
)

// streamOpenAI answers with server-sent events: comments while the job runs,
// then the transcript, one segment an event, and its end. A job that fails is
// told as an event too: the status of the answer was sent before.
func (srv *server) streamOpenAI(w http.ResponseWriter, r *http.Request, job store.Job, wait *feed.Subscription) {
	s := newStream(w)
	keepAlive := time.NewTicker(keepAliveEvery)
	defer keepAlive.Stop()
	ended, err := srv.awaitEnd(r.Context(), job.ID, wait, s.keepAlive, keepAlive.C)
	var result api.Result
	if err == nil {
		result, err = srv.resultOf(r.Context(), ended)
	}
	if err != nil {
		var known *api.Error
		if !errors.As(err, &known) {
			if r.Context().Err() != nil {
				return
			}
			srv.cfg.Logger.Error("request failed", "path", r.URL.Path, "job", job.ID, "error", err)
			known = api.Errorf(api.Internal, "internal error; see: voxparse daemon logs")
		}
		_ = s.sendData(newOpenAIError(known.Code.Status(), known.Code, known.Message)) // nobody is left to be told of a failure
		return
	}
	for i, segment := range result.Segments {
		text := segment.Text
		if i > 0 {
			text = " " + text
		}
		if s.sendData(openAIDelta{"transcript.text.delta", text}) != nil {
			return
		}
	}
	_ = s.sendData(openAIDone{"transcript.text.done", result.Text, usage(&result)}) // as above
}

// sendData writes one event without a name.
func (s *stream) sendData(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %T: %w", v, err)
	}
	s.b.Reset()
	fmt.Fprintf(&s.b, "data: %s\n\n", data)
	return s.flush()
}
