package engine

import (
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Request is one file to transcribe.
type Request struct {
	JobID   string
	Path    string // absolute path of the audio, readable by the worker
	Name    string // base name as the user gave it; its extension is a hint only
	Options api.Options
	Track   int       // that was transcribed before, from 1: Options.Track does not count; 0: it does
	Changes []float64 // where another voice begins, seconds; see Changes
	Attempt int       // 1 for the first; a file that kills workers is set aside after MaxKills
	// Generation grows with every retry by hand: a remote engine is to see
	// those, unlike repeats after a crash, as new work.
	Generation int
}

// Model tells a worker which files to load. Family names the recognizer kind
// ("moonshine", "whisper", "transducer", "sense_voice", …); Files maps the
// role of a file ("encoder", "decoder", "tokens", "vad", …) to its path.
type Model struct {
	Name     string            `json:"name"`
	Family   string            `json:"family"`
	Language string            `json:"language"` // what it recognizes, "en"; "" for many
	Files    map[string]string `json:"files"`
	Params   map[string]string `json:"params,omitempty"` // what a family needs besides
}

// Silence asks for a copy of a file's audio with some of it silenced.
type Silence struct {
	Out   string `json:"out"` // absolute path of the WAV file to write, mode 0600
	Spans []Span `json:"spans"`
}

// Span is a stretch of audio, in seconds from its start.
type Span struct {
	Start float64 `json:"start"`
	End   float64 `json:"end"`
}

// taskSpec is what a worker is given a file for: one of the orders. model is what
// transcribes it, or what tells its voices apart.
type taskSpec struct {
	order   string
	model   Model
	silence *Silence
	voices  int
}

// Error is why a file was not transcribed.
type Error struct {
	Code    string // one of api's Job… codes
	Message string // a sentence that says what to do
	// Transient says that the same file may succeed later without a change to
	// it: no attempt is to be charged.
	Transient bool
	// Retry says that another attempt, which is charged, may succeed. Where
	// neither is set, the file's fate is sealed.
	Retry bool
	// RetryAfter is the shortest wait before the next try that a remote engine
	// asked for; 0 where it did not.
	RetryAfter time.Duration
}

// Error returns the code and the sentence.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }
