package engine_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// wav returns a WAV header for size bytes of data, whatever follows it.
func wav(format, channels, rate, bits uint16, size uint32) []byte {
	var b bytes.Buffer
	put := func(v any) { binary.Write(&b, binary.LittleEndian, v) } // a Buffer takes everything
	frame := channels * bits / 8
	b.WriteString("RIFF")
	put(size + 36)
	b.WriteString("WAVEfmt ")
	put(uint32(16))
	put([]uint16{format, channels})
	put([]uint32{uint32(rate), uint32(rate) * uint32(frame)})
	put([]uint16{frame, bits})
	b.WriteString("data")
	put(size)
	return b.Bytes()
}

// sample reads a file of testdata/formats.
func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/formats", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// floats is a second of the same float sample, as WAV.
func floats(v float64) []byte {
	var b bytes.Buffer
	b.Write(wav(3, 1, 16000, 32, 4*16000))
	for range 16000 {
		binary.Write(&b, binary.LittleEndian, float32(v)) // a Buffer takes everything
	}
	return b.Bytes()
}

// claim makes the header of an M4A file state a length of so many seconds.
func claim(b []byte, length uint32) []byte {
	out := bytes.Clone(b)
	at := bytes.Index(out, []byte("mvhd")) + 16 // the clock's rate, then the length
	binary.BigEndian.PutUint32(out[at+4:], length*binary.BigEndian.Uint32(out[at:]))
	return out
}

func half(b []byte) []byte { return b[:len(b)/2] }

func TestBadInputFailsWithAPlainSentence(t *testing.T) {
	p := pool(t, nil)
	model := tiny(t)
	flac := sample(t, "flac.flac")
	tests := []struct {
		name, file string
		data       []byte
		code       string
	}{
		{"no bytes", "a.mp3", nil, api.JobEmpty},
		{"text renamed .mp3", "notes.mp3", []byte(strings.Repeat("Dear diary, today nothing happened. ", 200)), api.JobNotAudio},
		{"a line of text renamed .wav", "a.wav", []byte("hello\n"), api.JobNotAudio},
		{"HTML error page", "call.m4a", []byte("<!doctype html><html><body>404 Not Found</body></html>"), api.JobNotAudio},
		{"zeros", "a.mp3", make([]byte, 50000), api.JobNotAudio},
		{"PNG image", "a.mp3", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"), api.JobNotAudio},
		{"WAV header without samples", "a.wav", wav(1, 1, 16000, 16, 0), api.JobEmpty},
		{"one sample", "a.wav", append(wav(1, 1, 16000, 16, 2), 1, 0), api.JobTooShort},
		{"WAV cut in half", "a.wav", half(sample(t, "pcm_s16.wav")), api.JobTruncated},
		{"M4A with index first, cut in half", "a.m4a", half(sample(t, "aac_front.m4a")), api.JobTruncated},
		{"M4A with index last, cut in half", "a.m4a", half(sample(t, "aac.m4a")), api.JobDamaged},
		{"FLAC cut in half", "a.flac", half(flac), api.JobTruncated},
		{"FLAC with a damaged header", "a.flac", append([]byte("fLaC\xff\xff\xff\xff"), flac[8:4000]...), api.JobDamaged},
		{"silence", "a.wav", append(wav(1, 1, 16000, 16, 64000), make([]byte, 64000)...), api.JobNoSpeech},
		{"floats that are not numbers", "a.wav", floats(math.NaN()), api.JobNoSpeech},
		{"floats without bounds", "a.wav", floats(math.Inf(1)), api.JobNoSpeech},
		{"list of files elsewhere", "a.m3u8", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"), api.JobNotAudio},
		{"script that names another file", "a.ffconcat", []byte("ffconcat version 1.0\nfile /etc/passwd\n"), api.JobNotAudio},
		{"subtitles", "a.srt", []byte("1\n00:00:01,000 --> 00:00:02,000\nHello.\n"), api.JobNotAudio},
		{"AIFF cut in half", "a.aiff", half(sample(t, "pcm.aiff")), api.JobTruncated},
		{"WebM cut in half", "a.webm", half(sample(t, "opus.webm")), api.JobTruncated},
		{"WMA cut in half", "a.wma", half(sample(t, "wma.wma")), api.JobTruncated},
		{"variable MP3 cut in half", "a.mp3", half(sample(t, "mp3_vbr.mp3")), api.JobTruncated},
		{"header that claims 2 GB", "a.wav", append(wav(1, 2, 48000, 16, 0x7f000000), make([]byte, 400000)...), api.JobTruncated},
		{"header that was never finished", "a.wav", append(wav(1, 2, 48000, 16, 0xffffffff), make([]byte, 400000)...), api.JobNoSpeech},
		{"header that claims 65535 channels", "a.wav", append(wav(1, 65535, 48000, 16, 0xfffffff0), make([]byte, 4000)...), api.JobDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "upload")
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			res, err := p.Transcribe(t.Context(), engine.Request{JobID: t.Name(), Path: path, Name: tt.file}, model, nil)
			if err == nil {
				t.Fatalf("got a transcript %q, want code %s", res.Text, tt.code)
			}
			wantFault(t, err, tt.code)
		})
	}
	for _, w := range p.Workers() {
		if w.Restarts != 0 {
			t.Errorf("got %d restarts of a worker, want 0: bad input is no crash", w.Restarts)
		}
	}
}

// Ogg, AMR and AAC without a container do not say how long they are.
func TestAFileOfNoStatedLengthIsReadAsFarAsItGoes(t *testing.T) {
	p := pool(t, nil)
	for _, name := range []string{"vorbis.ogg", "opus.opus", "amr_nb.amr", "aac.aac"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, half(sample(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
		res, err := p.Transcribe(t.Context(), engine.Request{JobID: path, Path: path, Name: name}, tiny(t), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if res.DurationSeconds < 0.5 || res.DurationSeconds > 2.5 || !strings.HasPrefix(res.Text, "He might") {
			t.Errorf("%s: got %q of %.1f s, want the first half", name, res.Text, res.DurationSeconds)
		}
	}
}

// The length of a container is that of its longest track: a film goes on after
// its last word.
func TestTheLengthOfAContainerIsNotThatOfItsSound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.m4a")
	if err := os.WriteFile(path, claim(sample(t, "aac_front.m4a"), 4910), 0o600); err != nil {
		t.Fatal(err)
	}
	checkSample(t, pool(t, nil), tiny(t), path)
}

func TestAFileThatEndsTooEarlyIsTranscribedWhereThatIsAllowed(t *testing.T) {
	p := pool(t, nil)
	for _, name := range []string{"pcm_s16.wav", "aac_front.m4a", "flac.flac", "opus.webm", "mp3_vbr.mp3", "wma.wma"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, half(sample(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
		r := engine.Request{JobID: path, Path: path, Name: name, Options: api.Options{AllowTruncated: true}}
		res, err := p.Transcribe(t.Context(), r, tiny(t), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !res.Truncated || len(res.Notices) != 1 || res.Notices[0].Code != api.NoticeTruncated || !strings.HasPrefix(res.Text, "He might") {
			t.Errorf("%s: got %+v, want the first half, a notice and truncated", name, res)
		}
	}
}

func TestALongRecordingIsRefusedAtItsLimit(t *testing.T) {
	p := pool(t, func(c *engine.Config) { c.MaxSeconds = 2 })
	_, err := p.Transcribe(t.Context(), engine.Request{JobID: "job_long", Path: recording(t, "0870"), Name: "a.wav"}, tiny(t), nil)
	wantFault(t, err, api.JobTooLong)
}

// Ten hours of silence are 1.15 GB as WAV; a sparse file makes them cheap.
func TestTenHoursOfSilenceEndInBoundedMemory(t *testing.T) {
	hours := 10
	if testing.Short() {
		hours = 2
	}
	size := int64(hours) * 3600 * 16000 * 2
	path := filepath.Join(t.TempDir(), "silence.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(wav(1, 1, 16000, 16, uint32(size))); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(44 + size); err != nil {
		t.Fatal(err)
	}
	p := pool(t, func(c *engine.Config) { c.MaxRSS = 1 << 30 })
	last := 0.0
	_, err = p.Transcribe(t.Context(), engine.Request{JobID: "job_silence", Path: path, Name: "silence.wav"}, tiny(t), func(pr api.Progress) {
		last = max(last, pr.PositionSeconds)
	})
	wantFault(t, err, api.JobNoSpeech)
	if want := float64(hours) * 3600; last < want*0.9 {
		t.Errorf("got progress up to %.0f s, want it to follow the silence to %.0f s", last, want)
	}
}

func TestAMissingFileIsNotChargedToIt(t *testing.T) {
	p := pool(t, nil)
	_, err := p.Transcribe(t.Context(), engine.Request{JobID: "job_gone", Path: "/nonexistent/a.wav", Name: "a.wav"}, tiny(t), nil)
	wantTransient(t, err, api.JobInternal)
}

// oggDamage flips bytes in the packets of an Ogg file and repairs the page
// checksums, so that the damage reaches the codec.
func oggDamage(b []byte, every int) []byte {
	out := bytes.Clone(b)
	for at := 0; at+27 <= len(out) && string(out[at:at+4]) == "OggS"; {
		segments := int(out[at+26])
		body := at + 27 + segments
		size := 0
		for _, s := range out[at+27 : body] {
			size += int(s)
		}
		if binary.LittleEndian.Uint32(out[at+18:]) >= 2 { // the headers stay
			for i := body + 5; i < body+size; i += every {
				out[i] ^= 0x5a
			}
		}
		page := out[at : body+size]
		copy(page[22:26], []byte{0, 0, 0, 0})
		binary.LittleEndian.PutUint32(page[22:], oggSum(page))
		at = body + size
	}
	return out
}

// oggSum is the checksum of an Ogg page: CRC-32 without reflection.
func oggSum(page []byte) uint32 {
	var sum uint32
	for _, c := range page {
		sum ^= uint32(c) << 24
		for range 8 {
			carry := sum & 0x80000000
			sum <<= 1
			if carry != 0 {
				sum ^= 0x04c11db7
			}
		}
	}
	return sum
}

func TestDamageWithinAFileNeverCostsAWorker(t *testing.T) {
	p := pool(t, nil)
	model := tiny(t)
	scratch := func(b []byte, every int) []byte {
		out := bytes.Clone(b)
		for i := 200; i < len(out); i += every {
			out[i] ^= 0xa5
		}
		return out
	}
	for _, name := range []string{"opus.ogg", "vorbis.ogg", "mp3_44k.mp3", "aac.m4a", "flac.flac", "wma.wma", "opus.webm", "amr_nb.amr", "alac.m4a"} {
		strides := []int{97, 1009}
		if testing.Short() {
			strides = strides[1:]
		}
		for _, every := range strides {
			data := sample(t, name)
			damage := scratch
			if filepath.Ext(name) == ".ogg" {
				damage = oggDamage
			}
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, damage(data, every), 0o600); err != nil {
				t.Fatal(err)
			}
			res, err := p.Transcribe(t.Context(), engine.Request{JobID: path, Path: path, Name: name}, model, nil)
			if err == nil {
				if res.DurationSeconds > 10 {
					t.Errorf("%s: got %.1f s of audio from 3.3", name, res.DurationSeconds)
				}
				continue
			}
			t.Logf("%s, one byte in %d: %v", name, every, err)
			wantFinal(t, err)
		}
	}
	for _, w := range p.Workers() {
		if w.Restarts != 0 {
			t.Errorf("got %d restarts of a worker, want 0", w.Restarts)
		}
	}
}

func TestAFileWithAPictureAndNoSoundSaysSo(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Log("ffmpeg is not installed: no film to make")
		return
	}
	path := filepath.Join(t.TempDir(), "mute.mp4")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=2:d=2", "-c:v", "mpeg4", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make a film: %v\n%s", err, out)
	}
	p := pool(t, nil)
	_, err := p.Transcribe(t.Context(), engine.Request{JobID: "job_mute", Path: path, Name: "mute.mp4"}, tiny(t), nil)
	wantFault(t, err, api.JobNotAudio)
}
