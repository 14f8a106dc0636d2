package engine_test

import (
	"math"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// TestEveryFamilyOfModelsIsRun runs a small model in the form of each family
// through the native code.
func TestEveryFamilyOfModelsIsRun(t *testing.T) {
	p := pool(t, nil)
	vad := tiny(t).Files["vad"]
	for _, c := range []struct {
		family, asked, language string
		timed                   bool
	}{
		{"zipformer_ctc", "", "", true},
		{"transducer", "", "", true},
		{"sense_voice", "", "de", true},
		{"whisper", "", "de", false},
		{"whisper", "en-GB", "en", false},
	} {
		t.Run(c.family+" "+c.asked, func(t *testing.T) {
			m := engine.Model{Name: "test-" + c.family, Family: c.family, Files: modelstest.Recognizer(t, c.family, t.TempDir())}
			m.Files["vad"] = vad
			r := engine.Request{JobID: "job_" + c.family, Path: recording(t, "0870"), Name: "a.wav", Options: api.Options{Language: c.asked}}
			res, err := p.Transcribe(t.Context(), r, m, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Segments) == 0 || res.Segments[0].Text != modelstest.Said || res.Language != c.language {
				t.Fatalf("got %q in %+v, want %q in %q", res.Language, res.Segments, modelstest.Said, c.language)
			}
			checkTimes(t, res, c.timed)
		})
	}
}

// checkTimes checks the words of the first segment. Before its start, 0.2 s are
// fed to the model.
func checkTimes(t *testing.T, res *api.Result, timed bool) {
	t.Helper()
	if !timed {
		if res.Words != nil {
			t.Errorf("got words %+v of a model that gives no times, want none", res.Words)
		}
		return
	}
	words := res.WordsBySegment()
	if words == nil || words[0] == nil {
		t.Fatalf("got words %+v, want those of %+v", res.Words, res.Segments)
	}
	for i, at := range modelstest.SaidAt {
		w := res.Words[words[0][i]]
		if want := res.Segments[0].Start - 0.2 + at; math.Abs(w.Start-want) > 0.03 || w.End <= w.Start || w.End > w.Start+0.7 {
			t.Errorf("got word %+v, want it to start at %.2f s and to be over soon", w, want)
		}
	}
}

func TestALanguageThatWhisperDoesNotKnowIsRefused(t *testing.T) {
	p := pool(t, nil)
	m := engine.Model{Name: "test-whisper", Family: "whisper", Files: modelstest.Recognizer(t, "whisper", t.TempDir())}
	m.Files["vad"] = tiny(t).Files["vad"]
	r := engine.Request{JobID: "job_tlh", Path: recording(t, "0930"), Name: "a.wav", Options: api.Options{Language: "tlh"}}
	_, err := p.Transcribe(t.Context(), r, m, nil)
	wantFault(t, err, api.JobUnsupported)
}
