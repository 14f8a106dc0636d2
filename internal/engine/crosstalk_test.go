package engine_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// said is a recording that begins at a time, in seconds, in one channel.
type said struct {
	id      string
	channel int
	at      float64
}

// call writes a stereo file of recordings. Each channel is heard in the other:
// so many decibels weaker, and so many milliseconds later.
func call(t *testing.T, parts []said, decibels, milliseconds float64) string {
	t.Helper()
	le := binary.LittleEndian
	var own [2][]float64
	for _, p := range parts {
		pcm, _ := samples(t, recording(t, p.id))
		from := int(p.at * rate)
		for c := range own {
			if n := from + len(pcm)/2 + rate - len(own[c]); n > 0 {
				own[c] = append(own[c], make([]float64, n)...)
			}
		}
		for i := 0; i < len(pcm); i += 2 {
			own[p.channel][from+i/2] += float64(int16(le.Uint16(pcm[i:])))
		}
	}
	gain, delay := math.Pow(10, -decibels/20), int(milliseconds*rate/1000)
	var pcm []byte
	for i := range own[0] {
		for c := range own {
			v := own[c][i]
			if i >= delay {
				v += gain * own[1-c][i-delay]
			}
			pcm = le.AppendUint16(pcm, uint16(int16(max(-32768, min(32767, v)))))
		}
	}
	path := filepath.Join(t.TempDir(), "call.wav")
	if err := os.WriteFile(path, append(wav(1, 2, rate, 16, uint32(len(pcm))), pcm...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bySpeaker transcribes a call and returns who said what.
func bySpeaker(t *testing.T, p *engine.Pool, path string) map[string]string {
	t.Helper()
	r := engine.Request{JobID: "job_call", Path: path, Name: "call.wav", Options: api.Options{Channels: "split"}}
	res, err := p.Transcribe(t.Context(), r, tiny(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, s := range res.Segments {
		out[s.Speaker] = strings.TrimSpace(out[s.Speaker] + " " + s.Text)
	}
	return out
}

func TestCrosstalk_isNotSaidTwice(t *testing.T) {
	p := pool(t, nil)
	texts := transcripts(t)
	text := func(id string) string { return texts["sense_and_sensibility_01_austen_64kb-"+id] }
	parts := []said{{"0870", 0, 0.5}, {"0890", 1, 8.2}, {"0930", 0, 14}, {"0880", 1, 17.6}}
	heard := []struct{ decibels, milliseconds float64 }{{12, 5}, {20, 7.3}, {20, 40}}
	if testing.Short() {
		heard = heard[2:]
	}
	for _, other := range heard {
		t.Run(fmt.Sprintf("%.0f dB, %.1f ms", other.decibels, other.milliseconds), func(t *testing.T) {
			got := bySpeaker(t, p, call(t, parts, other.decibels, other.milliseconds))
			for speaker, want := range map[string]string{"Channel 1": text("0870") + " " + text("0930"), "Channel 2": text("0890") + " " + text("0880")} {
				if e := wordErrors(want, got[speaker]); e > 4 {
					t.Errorf("%s: got %q, want %q or nearly so", speaker, got[speaker], want)
				}
			}
		})
	}
}

func TestCrosstalk_twoSpeakAtOnce(t *testing.T) {
	p := pool(t, nil)
	texts := transcripts(t)
	parts := []said{{"0920", 0, 0.5}, {"0870", 1, 0.8}}
	heard := []float64{20, 200} // with crosstalk, and without
	if testing.Short() {
		heard = heard[:1]
	}
	for _, decibels := range heard {
		got := bySpeaker(t, p, call(t, parts, decibels, 5))
		for i, id := range []string{"0920", "0870"} {
			want, speaker := texts["sense_and_sensibility_01_austen_64kb-"+id], fmt.Sprintf("Channel %d", i+1)
			if e := wordErrors(want, got[speaker]); e > 4 {
				t.Errorf("%.0f dB: %s: got %q, want %q or nearly so", decibels, speaker, got[speaker], want)
			}
		}
	}
}
