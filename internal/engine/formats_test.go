package engine_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// made returns a folder with fresh samples of every format, or "" where the
// programs that make them are not installed.
func made(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"bash", "ffmpeg", "sox", "espeak-ng"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("%s is not installed: reading the kept samples only", tool)
			return ""
		}
	}
	dir := t.TempDir()
	script, err := filepath.Abs("../../testdata/formats/make.sh")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), script, dir).CombinedOutput(); err != nil {
		t.Logf("this machine's tools make no samples (%v): reading the kept ones only\n%s", err, out)
		return ""
	}
	return dir
}

func TestEveryFormatIsRead(t *testing.T) {
	p := pool(t, nil)
	model := tiny(t)
	dirs := []string{"../../testdata/formats"}
	if dir := made(t); dir != "" && !testing.Short() {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) < 25 {
			t.Errorf("got %d samples in %s, want at least 25", len(entries), dir)
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); ext == ".md" || ext == ".sh" || strings.HasPrefix(e.Name(), "call_") {
				continue
			}
			path, err := filepath.Abs(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			t.Run(filepath.Join(filepath.Base(dir), e.Name()), func(t *testing.T) {
				checkSample(t, p, model, path)
			})
		}
	}
}

// checkSample reads one sample of the recording 0930.
func checkSample(t *testing.T, p *engine.Pool, m engine.Model, path string) {
	res, err := p.Transcribe(t.Context(), engine.Request{JobID: t.Name(), Path: path, Name: filepath.Base(path)}, m, nil)
	if err != nil {
		t.Fatalf("transcribe: %v", err)
	}
	if res.DurationSeconds < 2.9 || res.DurationSeconds > 3.6 {
		t.Errorf("got %.2f s of audio, want about 3.3", res.DurationSeconds)
	}
	want := "he might even have been made amiable himself"
	if e := wordErrors(want, res.Text); e > 2 { // phone codecs cost a word
		t.Errorf("got %q, want %q or nearly so", res.Text, want)
	}
	if len(res.Segments) == 0 || res.Segments[0].Start > 0.8 || res.Segments[0].End > res.DurationSeconds {
		t.Errorf("got segments %+v, want them within the audio from its start", res.Segments)
	}
	if got, want := len(res.Words), len(strings.Fields(res.Text)); got != want {
		t.Errorf("got %d words with times, want %d: one for each of %q", got, want, res.Text)
	}
	before := 0.0
	for _, w := range res.Words {
		if w.Start < before || w.End < w.Start || w.End > res.DurationSeconds {
			t.Errorf("got %q from %.2f to %.2f s, want it after %.2f s and within the audio", w.Text, w.Start, w.End, before)
		}
		before = w.Start
	}
}

func TestAFileWithoutAnExtensionIsRead(t *testing.T) {
	p := pool(t, nil)
	b, err := os.ReadFile("../../testdata/formats/aac.m4a")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "9f3ab2")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	checkSample(t, p, tiny(t), path)
}

func TestTheChannelsOfACallBecomeSpeakers(t *testing.T) {
	p := pool(t, nil)
	path, err := filepath.Abs("../../testdata/formats/call_stereo.mp3")
	if err != nil {
		t.Fatal(err)
	}
	r := engine.Request{JobID: "job_call", Path: path, Name: "call.mp3", Options: api.Options{Channels: "split"}}
	res, err := p.Transcribe(t.Context(), r, tiny(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Segments) != 2 {
		t.Fatalf("got segments %+v, want one of each channel", res.Segments)
	}
	wants := []struct{ speaker, word string }{{"Channel 1", "young man"}, {"Channel 2", "second"}}
	for i, want := range wants {
		seg := res.Segments[i]
		if seg.Speaker != want.speaker || !strings.Contains(seg.Text, want.word) {
			t.Errorf("segment %d: got %+v, want %q from %s", i, seg, want.word, want.speaker)
		}
	}
	if res.Segments[1].Start < 3 {
		t.Errorf("got the second channel at %.2f s, want it after 3 s", res.Segments[1].Start)
	}
}

func TestMonoAskedToBeSplitIsOneVoiceWithoutAName(t *testing.T) {
	p := pool(t, nil)
	r := engine.Request{JobID: "job_mono", Path: recording(t, "0930"), Name: "a.wav", Options: api.Options{Channels: "split"}}
	res, err := p.Transcribe(t.Context(), r, tiny(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Segments) != 1 || res.Segments[0].Speaker != "" {
		t.Errorf("got segments %+v, want one without a speaker", res.Segments)
	}
}

func TestAnotherLanguageIsRefused(t *testing.T) {
	p := pool(t, nil)
	r := engine.Request{JobID: "job_de", Path: recording(t, "0930"), Name: "a.wav", Options: api.Options{Language: "de-AT"}}
	_, err := p.Transcribe(t.Context(), r, tiny(t), nil)
	wantFault(t, err, api.JobUnsupported)
	r.Options.Language = "en-GB"
	if _, err := p.Transcribe(t.Context(), r, tiny(t), nil); err != nil {
		t.Errorf("got %v for en-GB with an English model, want a transcript", err)
	}
}

// wantFault checks that err is the file's own fault with that code, and a
// plain sentence.
func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want an *engine.Error with code %s", err, code)
	}
	if e.Code != code || e.Transient || e.Retry {
		t.Errorf("got %+v, want code %s, final", e, code)
	}
	if len(e.Message) < 20 || strings.Contains(e.Message, "0x") || strings.Contains(e.Message, "\n") {
		t.Errorf("got message %q, want a plain sentence", e.Message)
	}
	t.Logf("%s: %s", e.Code, e.Message)
}

func TestACancelledFileEndsItsWorker(t *testing.T) {
	p := pool(t, func(c *engine.Config) { c.Workers = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pid int
	r := engine.Request{JobID: "job_cancel", Path: recording(t, "0870"), Name: "a.wav"}
	_, err := p.Transcribe(ctx, r, tiny(t), func(pr api.Progress) {
		if pr.Stage == "transcribe" {
			pid = p.Workers()[0].PID
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v, want %v", err, context.Canceled)
	}
	if pid == 0 {
		t.Fatal("got no worker while a file was recognized, want one")
	}
	wantGone(t, pid)
	if w := p.Workers()[0]; w.Restarts != 0 {
		t.Errorf("got %d restarts after a cancel, want 0", w.Restarts)
	}
	if _, err := p.Transcribe(t.Context(), r, tiny(t), nil); err != nil {
		t.Errorf("after a cancel: %v", err)
	}
}
