package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/voxparse/voxparse/api"
)

// ProtocolVersion is what a worker says in its hello. A pool refuses another.
const ProtocolVersion = 1

// maxLine is the longest line of the protocol, in bytes. A segment is at most
// 25 s of speech, so no honest line comes near it.
const maxLine = 1 << 20

// The types of an Order.
const (
	OrderTranscribe = "transcribe" // transcribe Job; one at a time
	OrderSilence    = "silence"    // make the copy of Job's audio that its Silence describes; one at a time
	OrderTurns      = "turns"      // find out who speaks when in Job's audio; one at a time
	OrderCores      = "cores"      // recognize on these cores from now on
)

// Order is one line from the pool to a worker. Closing the worker's input
// ends it; there is no order to cancel: a worker is killed.
type Order struct {
	Type  string `json:"type"`
	Job   *Task  `json:"job,omitempty"`   // with all but OrderCores
	Cores []int  `json:"cores,omitempty"` // with OrderCores: at least one
}

// Task is what a worker is to do with a file.
type Task struct {
	ID             string       `json:"id"`
	Path           string       `json:"path"` // absolute
	Name           string       `json:"name"` // its extension is a hint to the decoder
	Model          Model        `json:"model"`
	Language       string       `json:"language,omitempty"`        // asked for; "" for the model's own
	Channels       api.Channels `json:"channels,omitempty"`        // "split", else mixed
	Track          string       `json:"track,omitempty"`           // a number from 1, "all", or "" for the first with speech
	AllowTruncated bool         `json:"allow_truncated,omitempty"` // a file that ends too early is no fault
	MaxSeconds     float64      `json:"max_seconds,omitempty"`     // of audio; longer is too_long
	Pin            bool         `json:"pin,omitempty"`             // bind each recognizer to its core
	Changes        []float64    `json:"changes,omitempty"`         // seconds at which another voice begins: no segment goes beyond
	Silence        *Silence     `json:"silence,omitempty"`         // with OrderSilence
	Voices         int          `json:"voices,omitempty"`          // with OrderTurns: how many there are; 0: find out
}

// The types of a Report.
const (
	ReportHello    = "hello"    // first line: Protocol, PID
	ReportBeat     = "beat"     // once a second: Steps
	ReportCores    = "cores"    // answer to OrderCores: Cores is what is in use from now on
	ReportProgress = "progress" // Progress
	ReportSegment  = "segment"  // Segment, Words: in the order of the audio
	ReportDone     = "done"     // Duration, Language, OneVoice, Truncated, Notices, Stats; the task is finished
	ReportFailed   = "failed"   // Code, Message, Transient; the task is finished
)

// Report is one line from a worker to the pool.
type Report struct {
	Type               string        `json:"type"`
	Job                string        `json:"job,omitempty"` // with all but hello, beat and cores
	Protocol           int           `json:"protocol,omitempty"`
	PID                int           `json:"pid,omitempty"`
	Steps              uint64        `json:"steps,omitempty"` // grows while the worker gets on
	Cores              []int         `json:"cores,omitempty"`
	Progress           *api.Progress `json:"progress,omitempty"`
	Segment            *api.Segment  `json:"segment,omitempty"`
	Words              []api.Word    `json:"words,omitempty"`
	Duration           float64       `json:"duration,omitempty"` // decoded length, seconds
	Language           string        `json:"language,omitempty"`
	Turns              []Turn        `json:"turns,omitempty"`               // with the end of OrderTurns
	OneVoice           bool          `json:"one_voice,omitempty"`           // the split channels were the same throughout
	Track              int           `json:"track,omitempty"`               // that was transcribed, from 1; 0: all
	LanguageConfidence *float64      `json:"language_confidence,omitempty"` // with the end of OrderTranscribe
	Truncated          bool          `json:"truncated,omitempty"`           // the file ended too early, which was allowed
	Notices            []api.Notice  `json:"notices,omitempty"`             // with the end of OrderTranscribe
	Stats              *Stats        `json:"stats,omitempty"`
	Code               string        `json:"code,omitempty"` // one of api's Job… codes
	Message            string        `json:"message,omitempty"`
	Transient          bool          `json:"transient,omitempty"`
}

// Stats says what a finished task took, for logs and benchmarks. Seconds.
type Stats struct {
	Wall       float64 `json:"wall"`       // from the order to the last segment
	Recognize  float64 `json:"recognize"`  // in the recognizers, summed over threads
	Detect     float64 `json:"detect"`     // in voice activity detection
	Speech     float64 `json:"speech"`     // audio that was fed to recognizers, without padding
	Segments   int     `json:"segments"`   // how many pieces that was
	Repeats    int     `json:"repeats"`    // pieces whose text looped and was mended
	PeakMemory int64   `json:"peak_bytes"` // of the worker, without its decoder
}

// errLine is the fault of a line that is not of the protocol.
var errLine = errors.New("not a line of the worker protocol")

// ParseOrder reads one line that the pool sent.
func ParseOrder(line []byte) (Order, error) {
	var o Order
	if err := json.Unmarshal(line, &o); err != nil {
		return Order{}, fmt.Errorf("%w: %w", errLine, err)
	}
	switch o.Type {
	case OrderTranscribe, OrderTurns:
		if o.Job == nil || o.Job.ID == "" || o.Job.Path == "" {
			return Order{}, fmt.Errorf("%w: %s without a job", errLine, o.Type)
		}
	case OrderSilence:
		if o.Job == nil || o.Job.ID == "" || o.Job.Path == "" || o.Job.Silence == nil || o.Job.Silence.Out == "" {
			return Order{}, fmt.Errorf("%w: silence without a job or a file to write", errLine)
		}
	case OrderCores:
		if len(o.Cores) == 0 {
			return Order{}, fmt.Errorf("%w: cores without a core", errLine)
		}
	default:
		return Order{}, fmt.Errorf("%w: order %q", errLine, o.Type)
	}
	return o, nil
}

// ParseReport reads one line that a worker sent.
func ParseReport(line []byte) (Report, error) {
	var r Report
	if err := json.Unmarshal(line, &r); err != nil {
		return Report{}, fmt.Errorf("%w: %w", errLine, err)
	}
	whole := true
	switch r.Type {
	case ReportHello:
		whole = r.Protocol > 0
	case ReportBeat:
	case ReportCores:
		whole = len(r.Cores) > 0
	case ReportProgress:
		whole = r.Progress != nil && r.Job != ""
	case ReportSegment:
		whole = r.Segment != nil && r.Job != ""
	case ReportDone:
		whole = r.Job != "" && r.Duration >= 0
	case ReportFailed:
		whole = r.Job != "" && r.Code != ""
	default:
		return Report{}, fmt.Errorf("%w: report %q", errLine, r.Type)
	}
	if !whole {
		return Report{}, fmt.Errorf("%w: incomplete report %q", errLine, r.Type)
	}
	return r, nil
}

// Lines returns a scanner over the lines of the protocol, which refuses a line
// of more than 1 MiB.
func Lines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 16<<10), maxLine)
	return s
}

// WriteLine writes v as one line of the protocol.
func WriteLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a protocol line: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write a protocol line: %w", err)
	}
	return nil
}
