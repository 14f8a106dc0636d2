package engine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

const rate = 16000 // of silenced copies and of the recordings

// samples returns those of a WAV file with a plain header, and its channels.
func samples(tb testing.TB, path string) (pcm []byte, channels int) {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	le := binary.LittleEndian
	if len(b) < 44 || !bytes.Equal(b[:4], []byte("RIFF")) || int(le.Uint32(b[4:])) != len(b)-8 || int(le.Uint32(b[40:])) != len(b)-44 ||
		le.Uint32(b[24:]) != rate || le.Uint16(b[34:]) != 16 {
		tb.Fatalf("got the header % x over %d bytes, want that of 16-bit samples at %d Hz", b[:min(44, len(b))], len(b), rate)
	}
	return b[44:], int(le.Uint16(b[22:]))
}

func TestASilencedCopyDiffersInItsSpansAlone(t *testing.T) {
	p := pool(t, nil)
	source := recording(t, "0870")
	out := filepath.Join(t.TempDir(), "copy.wav")
	spans := []engine.Span{{Start: 0, End: 0.5}, {Start: 2.25, End: 3.75}, {Start: 7, End: 1e9}}
	r := engine.Request{JobID: "job_silence", Path: source, Name: "0870.wav"}
	if err := p.Silence(t.Context(), r, engine.Silence{Out: out, Spans: spans}, nil); err != nil {
		t.Fatal(err)
	}
	want, _ := samples(t, source)
	for _, s := range spans {
		clear(want[int(s.Start*rate)*2 : min(int(s.End*rate)*2, len(want))])
	}
	got, channels := samples(t, out)
	if channels != 1 || !bytes.Equal(got, want) {
		t.Errorf("got %d channels and %d bytes, want one of the source's %d with the spans silenced", channels, len(got), len(want))
	}
	if fi, err := os.Stat(out); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", fi.Mode(), err)
	}
}

func TestBothSpeakersOfACallAreSilenced(t *testing.T) {
	p := pool(t, nil)
	source, err := filepath.Abs("../../testdata/formats/call_stereo.mp3")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "copy.wav")
	r := engine.Request{JobID: "job_call", Path: source, Name: "call.mp3", Options: api.Options{Channels: "split"}}
	if err := p.Silence(t.Context(), r, engine.Silence{Out: out, Spans: []engine.Span{{Start: 1, End: 4}}}, nil); err != nil {
		t.Fatal(err)
	}
	got, channels := samples(t, out)
	from, to := 1*rate*4, 4*rate*4
	if channels != 2 || len(bytes.Trim(got[from:to], "\x00")) != 0 || len(bytes.Trim(got[:from], "\x00")) == 0 || len(bytes.Trim(got[to:], "\x00")) == 0 {
		t.Errorf("got %d channels, want two that are silent from 1 s to 4 s and not elsewhere", channels)
	}
}

func TestNoCopyIsLeftOfAFileThatIsNoAudio(t *testing.T) {
	p := pool(t, nil)
	dir := t.TempDir()
	source, out := filepath.Join(dir, "a.wav"), filepath.Join(dir, "copy.wav")
	if err := os.WriteFile(source, []byte("no audio at all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := engine.Request{JobID: "job_text", Path: source, Name: "a.wav"}
	wantFault(t, p.Silence(t.Context(), r, engine.Silence{Out: out}, nil), api.JobNotAudio)
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for the copy, want none", err)
	}
}
