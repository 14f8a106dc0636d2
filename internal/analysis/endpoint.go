package analysis

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// Endpoint is a server that speaks OpenAI's chat completions: Ollama,
// llama.cpp, vLLM or a cloud. The transcript is sent there.
type Endpoint struct {
	URL      string        // "http://localhost:11434/v1", with or without /v1/chat/completions
	Model    string        // as the server names it
	Key      string        // bearer token, "" for none; it never shows in errors, notes or logs
	Timeout  time.Duration // of one request, 2 minutes when 0
	MaxInput int           // characters of transcript in one request, 48,000 when 0; a longer one goes in up to maxChunks pieces
	Client   *http.Client  // nil: one that follows no redirect; its own Timeout is not used
}

// LogValue hides the key and what a URL may hold besides its host.
func (e *Endpoint) LogValue() slog.Value {
	return slog.GroupValue(slog.String("model", e.Model), slog.Bool("key", e.Key != ""))
}

// String is the name of the model: not the key, when an Endpoint is printed.
func (e *Endpoint) String() string { return "chat endpoint, model " + e.Model }

// GoString is String, for %#v.
func (e *Endpoint) GoString() string { return e.String() }

const (
	defaultTimeout  = 2 * time.Minute
	defaultMaxInput = 48_000
	maxChunks       = 8
	maxRetryAfter   = 30 * time.Second // a server that wants a longer pause is not waited for
	retryPause      = 500 * time.Millisecond
)

// failure is why the endpoint gave no analysis. It holds nothing that the
// server sent, for that may repeat the transcript.
type failure struct {
	why   string        // completes "the analysis endpoint …"
	again bool          // another try may help
	plain bool          // … one without response_format and temperature
	hint  string        // what to tell the model about its last answer
	wait  time.Duration // before the next try
}

func (f *failure) Error() string { return "ask the analysis endpoint: it " + f.why }

// reason completes the sentence "the analysis endpoint …".
func reason(err error) string {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f.why
	case errors.Is(err, context.Canceled):
		return "was not waited for"
	}
	return "did not answer in time"
}

// chunk is a row of segments, [from, to), that goes into one request.
type chunk struct {
	from, to int
	size     int // characters
}

// ask returns the analysis of r by the model.
func (e *Endpoint) ask(ctx context.Context, r *api.Result, instructions string) (*api.Analysis, error) {
	chunks := e.chunks(r)
	if len(chunks) > maxChunks {
		return nil, &failure{why: "was not asked: the transcript is too long for it"}
	}
	parts := make([]*answer, len(chunks))
	for i, c := range chunks {
		p := prompt{result: r, chunk: c, part: i + 1, parts: len(chunks), instructions: instructions}
		a, err := e.try(ctx, p)
		if err != nil {
			return nil, err
		}
		parts[i] = a
	}
	a := merge(r, chunks, parts)
	if a.Method = e.Model; a.Method == "" || a.Method == api.MethodBuiltin {
		a.Method = "chat model " + e.Model
	}
	return a, nil
}

func (e *Endpoint) chunks(r *api.Result) []chunk {
	limit := e.MaxInput
	if limit <= 0 {
		limit = defaultMaxInput
	}
	var out []chunk
	for i := range r.Segments {
		n := len(r.Segments[i].Text)
		if len(out) == 0 || out[len(out)-1].size+n > limit {
			out = append(out, chunk{from: i, to: i})
		}
		c := &out[len(out)-1]
		c.to, c.size = i+1, c.size+n
	}
	return out
}

// try asks once, and once more where that may help.
func (e *Endpoint) try(ctx context.Context, p prompt) (*answer, error) {
	a, err := e.once(ctx, p)
	var f *failure
	if err == nil || !errors.As(err, &f) || !f.again {
		return a, err
	}
	if f.wait > maxRetryAfter {
		return nil, f
	}
	if err := retry.Sleep(ctx, retry.NotBefore(f.wait)); err != nil {
		return nil, err
	}
	p.plain, p.hint = f.plain, f.hint
	return e.once(ctx, p)
}

// once sends one request, within the time limit, and reads its answer.
func (e *Endpoint) once(ctx context.Context, p prompt) (*answer, error) {
	timeout := e.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	content, err := e.post(limited, p)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if limited.Err() != nil {
			return nil, &failure{why: "did not answer in time", again: true}
		}
		return nil, err
	}
	return parseAnswer(content, p)
}
