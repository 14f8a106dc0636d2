package models

import (
	"fmt"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Stages of a Progress.
const (
	StageWait   = "wait"   // another process or goroutine pulls the same files
	StageFetch  = "fetch"  // bytes come in; from npm all at once, at its end
	StageVerify = "verify" // a file that was here is hashed
	StageDone   = "done"   // the model is ready
)

// Progress is how far a pull has come.
type Progress struct {
	Model  string `json:"model"`
	Stage  string `json:"stage"`
	File   string `json:"file,omitempty"`
	Source string `json:"source,omitempty"` // for a person
	Done   int64  `json:"done"`             // bytes of the model that are here
	Total  int64  `json:"total"`            // bytes of the model; 0 where a local model does not say
}

// meter adds the files up and keeps the calls few.
type meter struct {
	entry  Entry
	call   func(Progress)
	pause  time.Duration    // least time between two calls of one stage
	done   map[string]int64 // file → bytes that are here
	last   Progress
	lastAt time.Time
}

func newMeter(e Entry, pause time.Duration, call func(Progress)) *meter {
	return &meter{entry: e, call: call, pause: pause, done: map[string]int64{}}
}

// have counts f as here.
func (m *meter) have(f File) { m.done[f.Owner+"/"+f.Name] = f.Size }

// show reports p, whose Done counts the bytes of the current file only.
func (m *meter) show(p Progress) {
	if m.call == nil {
		return
	}
	p.Model, p.Total = m.entry.Name, m.entry.Bytes()
	same := p.Stage == m.last.Stage && p.File == m.last.File && p.Source == m.last.Source
	now := time.Now()
	if same && now.Sub(m.lastAt) < m.pause {
		return
	}
	for _, n := range m.done {
		p.Done += n
	}
	m.last, m.lastAt = p, now
	m.call(p)
}

// Try is one source that did not have a file.
type Try struct {
	Source string // for a person
	Err    error
}

// PullError says why no source had a file of a model. errors.Is(err,
// api.Unavailable) holds.
type PullError struct {
	Model string
	File  string // MODEL/FILE, as a mirror would have it
	Tried []Try  // in order; empty where there is no source at all
}

// Error names every source with its reason and says what to do.
func (e *PullError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no source has %s of model %s", e.File, e.Model)
	for i, t := range e.Tried {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %v", sep, t.Source, t.Err)
	}
	fmt.Fprintf(&b, ". %s", e.Fix())
	return b.String()
}

// Fix is what the user can do.
func (e *PullError) Fix() string {
	return fmt.Sprintf("Check the network or install npm, or set %s to a folder or URL that has %s, then run: voxparse models pull %s",
		MirrorEnv, e.File, e.Model)
}

// Unwrap returns api.Unavailable and the reasons.
func (e *PullError) Unwrap() []error {
	errs := []error{api.Unavailable}
	for _, t := range e.Tried {
		errs = append(errs, t.Err)
	}
	return errs
}
