package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/voxparse/voxparse/api"
)

// OpenAI is any server that speaks OpenAI's POST /v1/audio/transcriptions:
// OpenAI itself, speaches, vLLM, LocalAI, whisper.cpp behind a proxy. The
// file goes to it as it is. Many servers know only some response formats;
// the richest is asked for first and what the server takes is remembered.
type OpenAI struct {
	remote
	plain atomic.Bool // the server refused verbose_json: ask for json
}

// NewOpenAI returns the engine for a server.
func NewOpenAI(r Remote) *OpenAI { return &OpenAI{remote: newRemote(r)} }

// openAIAnswer is the union of the answers in json and in verbose_json.
type openAIAnswer struct {
	Text     string  `json:"text"`
	Language string  `json:"language"`
	Duration float64 `json:"duration"`
	Usage    struct {
		Seconds float64 `json:"seconds"`
	} `json:"usage"`
	Segments []struct {
		Start      float64  `json:"start"`
		End        float64  `json:"end"`
		Text       string   `json:"text"`
		Speaker    string   `json:"speaker"`
		AvgLogprob *float64 `json:"avg_logprob"`
	} `json:"segments"`
	Words []struct {
		Start float64 `json:"start"`
		End   float64 `json:"end"`
		Word  string  `json:"word"`
	} `json:"words"`
}

// Transcribe sends the file and waits for its transcript. The Model is not
// used: the server's own is named in the settings.
func (o *OpenAI) Transcribe(ctx context.Context, q Request, _ Model, progress func(api.Progress)) (*api.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	progress(api.Progress{Stage: "transcribe"})
	answer, err := o.ask(ctx, q, !o.plain.Load())
	var refusal *Error
	if errors.As(err, &refusal) && refusal.Code == api.JobRemote && !o.plain.Load() && strings.Contains(refusal.Message, "response_format") {
		o.plain.Store(true)
		answer, err = o.ask(ctx, q, false)
	}
	if err != nil {
		return nil, err
	}
	return o.result(q, answer)
}

func (o *OpenAI) ask(ctx context.Context, q Request, verbose bool) (*openAIAnswer, error) {
	fields := []field{{"response_format", "json"}}
	if verbose {
		fields = []field{{"response_format", "verbose_json"}, {"timestamp_granularities[]", "segment"}, {"timestamp_granularities[]", "word"}}
	}
	if o.Model != "" {
		fields = append(fields, field{"model", o.Model})
	}
	if q.Options.Language != "" {
		fields = append(fields, field{"language", q.Options.Language})
	}
	resp, err := o.upload(ctx, "/v1/audio/transcriptions", q, fields, func(h http.Header, key string) {
		h.Set("Authorization", "Bearer "+key)
	})
	if err != nil {
		return nil, err
	}
	var answer openAIAnswer
	if err := o.decode(ctx, resp, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// result turns an answer into ours. A server that gives no times gives one
// segment over the whole.
func (o *OpenAI) result(q Request, a *openAIAnswer) (*api.Result, error) {
	res := &api.Result{
		JobID: q.JobID, DurationSeconds: max(a.Duration, a.Usage.Seconds), Model: o.Name,
		Language: languageCode(a.Language, q.Options.Language), Text: strings.TrimSpace(a.Text),
		Segments: []api.Segment{},
	}
	for _, s := range a.Segments {
		text := strings.TrimSpace(s.Text)
		if text == "" || !finite(s.Start, s.End) {
			continue
		}
		seg := api.Segment{Start: max(s.Start, 0), End: max(s.End, s.Start, 0), Text: text, Speaker: s.Speaker}
		if s.AvgLogprob != nil && finite(*s.AvgLogprob) {
			c := math.Round(math.Exp(min(*s.AvgLogprob, 0))*1000) / 1000
			seg.Confidence = &c
		}
		res.Segments = append(res.Segments, seg)
		res.DurationSeconds = max(res.DurationSeconds, seg.End)
	}
	for _, w := range a.Words {
		if text := strings.TrimSpace(w.Word); text != "" && finite(w.Start, w.End) {
			res.Words = append(res.Words, api.Word{Start: w.Start, End: w.End, Text: text})
		}
	}
	if len(res.Segments) == 0 && res.Text != "" {
		res.Segments = []api.Segment{{End: res.DurationSeconds, Text: res.Text}}
	}
	if len(res.Segments) == 0 {
		return nil, &Error{Code: api.JobNoSpeech, Message: fmt.Sprintf("engine %s found no speech in the file", o.Name)}
	}
	return res, nil
}

func finite(vs ...float64) bool {
	for _, v := range vs {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// languageNames are the names that Whisper servers answer with instead of
// codes, for its most used languages.
var languageNames = map[string]string{
	"english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
	"dutch": "nl", "polish": "pl", "russian": "ru", "ukrainian": "uk", "turkish": "tr", "arabic": "ar",
	"hebrew": "he", "hindi": "hi", "chinese": "zh", "japanese": "ja", "korean": "ko", "vietnamese": "vi",
	"indonesian": "id", "thai": "th", "swedish": "sv", "norwegian": "no", "danish": "da", "finnish": "fi",
	"czech": "cs", "slovak": "sk", "hungarian": "hu", "romanian": "ro", "greek": "el", "bulgarian": "bg",
	"croatian": "hr", "serbian": "sr", "catalan": "ca",
}

// languageCode returns the code of what the server said, or of what was asked.
func languageCode(said, asked string) string {
	said = strings.ToLower(strings.TrimSpace(said))
	if code, ok := languageNames[said]; ok {
		return code
	}
	if said == "" {
		return asked
	}
	return said
}
