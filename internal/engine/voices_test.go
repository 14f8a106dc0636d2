package engine_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// voices is a model that takes sound with and without a whistle for two voices.
func voices(t *testing.T) engine.Model {
	t.Helper()
	return engine.Model{Name: "voices-test", Family: "pyannote", Files: modelstest.Voices(t, t.TempDir())}
}

// whistled makes another voice of speech, as the model hears it.
func whistled(pcm []byte) []byte {
	out := make([]byte, len(pcm))
	le := binary.LittleEndian
	for i := 0; i < len(pcm); i += 2 {
		tone := 32768 * modelstest.WhistleAmplitude * math.Sin(2*math.Pi*modelstest.WhistleHz/rate*float64(i/2))
		v := float64(int16(le.Uint16(pcm[i:]))) + tone
		le.PutUint16(out[i:], uint16(int16(max(-32767, min(32767, v)))))
	}
	return out
}

// conversation writes a file in which one voice says 0870, the other 0890 and
// the first 0930, and returns when the second speaks.
func conversation(t *testing.T) (path string, from, to float64) {
	t.Helper()
	var pcm []byte
	for i, id := range []string{"0870", "0890", "0930"} {
		part, _ := samples(t, recording(t, id))
		if i == 1 {
			part = whistled(part)
			from, to = float64(len(pcm))/2/rate, float64(len(pcm)+len(part))/2/rate
		}
		pcm = append(pcm, part...)
	}
	path = filepath.Join(t.TempDir(), "talk.wav")
	if err := os.WriteFile(path, append(wav(1, 1, rate, 16, uint32(len(pcm))), pcm...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, from, to
}

func TestTwoVoicesInOneChannelAreToldApart(t *testing.T) {
	p := pool(t, nil)
	path, from, to := conversation(t)
	counts := map[string]int{"told how many": 2, "left to find out": 0}
	if testing.Short() {
		delete(counts, "told how many")
	}
	for name, count := range counts {
		r := engine.Request{JobID: "job_talk", Path: path, Name: "talk.wav"}
		turns, err := p.Turns(t.Context(), r, voices(t), count, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %v", name, turns)
		r.Changes = engine.Changes(turns)
		if len(r.Changes) != 2 || math.Abs(r.Changes[0]-from) > 0.7 || math.Abs(r.Changes[1]-to) > 0.7 {
			t.Fatalf("%s: got changes at %v, want them near %.1f and %.1f", name, r.Changes, from, to)
		}
		res, err := p.Transcribe(t.Context(), r, tiny(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		engine.NameSpeakers(res, turns)
		said := map[string]string{}
		for _, s := range res.Segments {
			said[s.Speaker] += " " + s.Text
		}
		if len(said) != 2 || !strings.Contains(said["Speaker 1"], "John Dashwood") || !strings.Contains(said["Speaker 1"], "amiable") ||
			!strings.Contains(said["Speaker 2"], "selfish") {
			t.Errorf("%s: got %q, want the first and the last sentence from Speaker 1, the other from Speaker 2", name, said)
		}
	}
}

func TestAModelOfVoicesThatIsNotThereIsNotTheFilesFault(t *testing.T) {
	p := pool(t, nil)
	m := voices(t)
	if err := os.Remove(m.Files["embedding"]); err != nil {
		t.Fatal(err)
	}
	_, err := p.Turns(t.Context(), engine.Request{JobID: "job_talk", Path: recording(t, "0930"), Name: "a.wav"}, m, 2, nil)
	wantTransient(t, err, api.JobModelMissing)
}

func TestSilenceHasNoTurns(t *testing.T) {
	p := pool(t, nil)
	path := filepath.Join(t.TempDir(), "silence.wav")
	if err := os.WriteFile(path, append(wav(1, 1, rate, 16, 2*rate*2), make([]byte, 2*rate*2)...), 0o600); err != nil {
		t.Fatal(err)
	}
	turns, err := p.Turns(t.Context(), engine.Request{JobID: "job_silence", Path: path, Name: "silence.wav"}, voices(t), 0, nil)
	if err != nil || len(turns) != 0 {
		t.Errorf("got %v, %v, want no turns", turns, err)
	}
}
