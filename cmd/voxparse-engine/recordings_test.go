package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models/modelstest"
	"github.com/voxparse/voxparse/internal/wer"
)

// monday is what is said in most of testdata/recordings.
const monday = "we will meet again on monday morning please bring the signed papers with you"

// transcript is what came out of a task.
type transcript struct {
	segments []api.Segment
	end      engine.Report
}

// text is what was said, without marks.
func (t transcript) text() string {
	var out []string
	for _, s := range t.segments {
		out = append(out, plainWords(s.Text)...)
	}
	return strings.Join(out, " ")
}

// transcribeFile transcribes the file at path. What failed is in the end.
func (b *bench) transcribeFile(tb testing.TB, path string, change func(*engine.Task)) transcript {
	tb.Helper()
	task := &engine.Task{ID: "job_" + filepath.Base(path), Path: path, Name: filepath.Base(path), Model: tiny(tb)}
	if change != nil {
		change(task)
	}
	b.mu.Lock()
	b.reports = nil
	b.mu.Unlock()
	tasks := make(chan engine.Order, 1)
	tasks <- engine.Order{Type: engine.OrderTranscribe, Job: task}
	close(tasks)
	b.serve(tasks)
	out := transcript{end: b.last(tb)}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.reports {
		if r.Type == engine.ReportSegment {
			out.segments = append(out.segments, *r.Segment)
		}
	}
	return out
}

// expectation is what is to come out of a recording.
type expectation struct {
	words    string
	errors   int     // words that may be wrong
	from, to float64 // where the first segment begins and the last ends, within a quarter of a second; 0, 0: anywhere
	length   float64 // of the whole, within a tenth; 0: any
	notices  []api.NoticeCode
}

// check compares t with what was expected.
func (e expectation) check(tb testing.TB, t transcript) {
	tb.Helper()
	if t.end.Type != engine.ReportDone {
		tb.Errorf("got %s: %s, want %q", t.end.Code, t.end.Message, e.words)
		return
	}
	if n := wer.Errors(strings.Fields(e.words), strings.Fields(t.text())); n > e.errors {
		tb.Errorf("got %q, want %q with at most %d words wrong", t.text(), e.words, e.errors)
	}
	if e.length > 0 && (t.end.Duration < e.length-0.1 || t.end.Duration > e.length+0.1) {
		tb.Errorf("got %.2f s of audio, want %.2f", t.end.Duration, e.length)
	}
	if len(t.segments) > 0 && e.to > 0 {
		const near = 0.25
		first, last := t.segments[0].Start, t.segments[len(t.segments)-1].End
		if first < e.from-near || first > e.from+near || last < e.to-near || last > e.to+near {
			tb.Errorf("got speech from %.2f to %.2f s, want %.2f to %.2f", first, last, e.from, e.to)
		}
	}
	var codes []api.NoticeCode
	for _, n := range t.end.Notices {
		codes = append(codes, n.Code)
		if len(n.Message) < 20 || strings.Contains(n.Message, "\n") {
			tb.Errorf("got notice %q, want a sentence", n.Message)
		}
	}
	if !slices.Equal(codes, e.notices) {
		tb.Errorf("got notices %v, want %v", t.end.Notices, e.notices)
	}
}

func TestRecordings_asPeopleHaveThem(t *testing.T) {
	tests := []struct {
		file string
		want expectation
	}{
		{"sound_ends_before_picture.mp4", expectation{words: monday, errors: 2}},
		{"sound_starts_at_4.9s.mkv", expectation{words: monday, errors: 2, from: 4.95, to: 9.6}},
		{"sound_starts_at_2.5s.mp4", expectation{words: monday, errors: 2, from: 2.55, to: 7.2, length: 62.5}},
		{"gap_at_30s.webm", expectation{words: monday + " " + monday, errors: 4, from: 0.1, to: 62.1, length: 62.4}},
		{"speech_in_second_track.mp4", expectation{words: monday, errors: 2, notices: []api.NoticeCode{api.NoticeTracks}}},
		{"speech_in_third_channel.flac", expectation{words: monday, errors: 2}},
		{"quiet_35dB.flac", expectation{words: amiable, notices: []api.NoticeCode{api.NoticeQuiet}}},
		{"header_says_half.wav", expectation{words: monday, errors: 2, notices: []api.NoticeCode{api.NoticeHeader}}},
		{"ask_not.wav", expectation{words: "ask not", errors: 1}}, // "as not" is as near as the small model comes
		{"asterisk.ul", expectation{words: monday, errors: 2, notices: []api.NoticeCode{api.NoticeRawAudio}}},
	}
	b := newBench(t, 2)
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			got := b.transcribeFile(t, audio(t, "recordings/"+tt.file), nil)
			t.Logf("%+v %+v", got.segments, got.end)
			tt.want.check(t, got)
		})
	}
}

// A silent channel takes nothing from the words of the other.
func TestRecordings_oneDeadChannel(t *testing.T) {
	b := newBench(t, 2)
	both := audio(t, "recordings/speech_left_only.flac")
	left := makeFile(t, "left.wav", "-i", both, "-af", "pan=mono|c0=c0")
	got, want := b.transcribeFile(t, both, nil).text(), b.transcribeFile(t, left, nil).text()
	if got != want || got == "" {
		t.Errorf("got %q, want what the left channel alone gives: %q", got, want)
	}
}

// makeFile makes a file with ffmpeg.
func makeFile(t *testing.T, name string, args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs ffmpeg")
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is not installed; run: make tools")
	}
	path := filepath.Join(t.TempDir(), name)
	args = append(append([]string{"-v", "error", "-y"}, args...), path)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", name, err, out)
	}
	return path
}

// spoken is the recording 0920, which the tests make files of.
func spoken(t *testing.T) string {
	return audio(t, "audio/sense_and_sensibility_01_austen_64kb-0920.wav")
}

const amiable = "had he married a more amiable woman he might have been made still more respectable than he was"

// Three more of each kind, made on the spot.
func TestRecordings_made(t *testing.T) {
	in := spoken(t)
	picture := []string{"-f", "lavfi", "-i", "testsrc=s=64x48:r=2:d=20"}
	film := func(name string, args ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			return makeFile(t, name, append(append(append([]string{}, picture...), args...), "-c:v", "mpeg4")...)
		}
	}
	sound := func(name string, args ...string) func(*testing.T) string {
		return func(t *testing.T) string { return makeFile(t, name, append([]string{"-i", in}, args...)...) }
	}
	late := expectation{words: amiable, errors: 1, from: 3.35, to: 9.05}
	raw := expectation{words: amiable, errors: 3, notices: []api.NoticeCode{api.NoticeRawAudio}}
	tests := []struct {
		name string
		file func(*testing.T) string
		want expectation
	}{
		{"sound ends before the picture, AVI", film("a.avi", "-i", in, "-c:a", "mp3"), expectation{words: amiable, errors: 2}},
		{"sound ends before the picture, Matroska", film("a.mkv", "-i", in, "-c:a", "flac"), expectation{words: amiable, errors: 1}},
		{"sound ends before the picture, QuickTime", film("a.mov", "-i", in, "-c:a", "pcm_s16le"), expectation{words: amiable, errors: 1}},
		{"sound starts late, Matroska", film("a.mkv", "-itsoffset", "3", "-i", in, "-c:a", "flac"), late},
		{"sound starts late, MP4", film("a.mp4", "-itsoffset", "3", "-i", in, "-c:a", "aac"), late},
		{"sound starts late, MPEG-TS", film("a.ts", "-itsoffset", "3", "-i", in, "-c:a", "aac"), late},
		{"two tracks, speech in the second, MP4", film("a.mp4", "-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=6", "-i", in, "-map", "0", "-map", "1", "-map", "2", "-c:a", "aac"),
			expectation{words: amiable, errors: 1, notices: []api.NoticeCode{api.NoticeTracks}}},
		{"three tracks, speech in the third, Matroska", sound("a.mka", "-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=6", "-map", "1", "-map", "1", "-map", "0", "-c:a", "flac"),
			expectation{words: amiable, errors: 1, notices: []api.NoticeCode{api.NoticeTracks}}},
		{"two tracks, speech in the first", sound("a.mka", "-f", "lavfi", "-i", "sine=f=300:d=6", "-map", "0", "-map", "1", "-c:a", "flac"),
			expectation{words: amiable, errors: 1, notices: []api.NoticeCode{api.NoticeTracks}}},
		{"four channels, speech in the fourth, WAV", sound("a.wav", "-af", "pan=4c|c3=c0"), expectation{words: amiable, errors: 1}},
		{"six channels, speech in the fourth, FLAC", sound("a.flac", "-af", "pan=6c|c3=c0"), expectation{words: amiable, errors: 1}},
		{"film with speech in the center, AAC", sound("a.m4a", "-af", "pan=5.1|c2=c0", "-c:a", "aac"), expectation{words: amiable, errors: 1}},
		{"one channel inverted, WAV", sound("a.wav", "-af", "pan=stereo|c0=c0|c1=-1*c0"), expectation{words: amiable, errors: 1, notices: []api.NoticeCode{api.NoticeChannels}}},
		{"one channel inverted, FLAC, 44.1 kHz", sound("a.flac", "-af", "pan=stereo|c0=-1*c0|c1=c0", "-ar", "44100"), expectation{words: amiable, errors: 1, notices: []api.NoticeCode{api.NoticeChannels}}},
		{"one channel inverted, AAC", sound("a.m4a", "-af", "pan=stereo|c0=c0|c1=-1*c0", "-c:a", "aac"), expectation{words: amiable, errors: 1, notices: []api.NoticeCode{api.NoticeChannels}}},
		{"A-law", sound("a.al", "-ar", "8000", "-f", "alaw"), raw},
		{"16-bit linear, 16 kHz", sound("a.sln16", "-ar", "16000", "-f", "s16le"), raw},
		{"16-bit linear, 8 kHz", sound("a.sln", "-ar", "8000", "-f", "s16le"), raw},
		{"G.722", sound("a.g722", "-ar", "16000", "-f", "g722"), raw},
	}
	b := newBench(t, 2)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.check(t, b.transcribeFile(t, tt.file(t), nil))
		})
	}
}

// A gap in the sound is silence of its length, in any container that has times.
func TestRecordings_gap(t *testing.T) {
	b := newBench(t, 2)
	for _, name := range []string{"a.mkv", "a.mp4", "a.webm"} {
		codec := map[string]string{"a.mkv": "flac", "a.mp4": "aac", "a.webm": "libopus"}[name]
		path := makeFile(t, name, "-stream_loop", "1", "-i", spoken(t), "-af", `asetpts=PTS+gt(T\,6.04)*4/TB`, "-c:a", codec)
		got := b.transcribeFile(t, path, nil)
		if len(got.segments) < 2 {
			t.Fatalf("%s: got %+v, %+v, want the sentence twice", name, got.segments, got.end)
		}
		expectation{words: amiable + " " + amiable, errors: 3, from: 0.36, to: 16, length: 16.1}.check(t, got)
	}
}

// A header that a recorder did not complete is not believed.
func TestRecordings_staleHeader(t *testing.T) {
	whole, err := os.ReadFile(spoken(t))
	if err != nil {
		t.Fatal(err)
	}
	samples := len(whole) - 44
	tests := []struct {
		name    string
		size    uint32
		tail    string // behind the samples
		seconds float64
		notices []api.NoticeCode
	}{
		{"a third", uint32(samples / 3), "", 6.05, []api.NoticeCode{api.NoticeHeader}},
		{"nothing", 0, "", 6.05, nil},
		{"never finished", 0xffffffff, "", 6.05, nil},
		{"all, and a chunk behind it", uint32(samples), "LIST\x04\x00\x00\x00INFO", 6.05, nil},
		{"half, and a chunk behind the rest", uint32(samples / 2), "LIST\x04\x00\x00\x00INFO", 6.05, []api.NoticeCode{api.NoticeHeader}},
	}
	b := newBench(t, 2)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := append(slices.Clone(whole), tt.tail...)
			binary.LittleEndian.PutUint32(file[40:], tt.size)
			path := filepath.Join(t.TempDir(), "a.wav")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			expectation{words: amiable, errors: 1, length: tt.seconds, notices: tt.notices}.check(t, b.transcribeFile(t, path, nil))
		})
	}
}

// Each of three who speak into a microphone of their own is a speaker.
func TestRecordings_threeChannelsSplit(t *testing.T) {
	paths := recordingPaths(t)
	path := makeFile(t, "a.wav", "-i", paths[0], "-i", paths[2], "-i", paths[4], "-filter_complex",
		"[1:a]adelay=7500[b];[2:a]adelay=14500[c];[0:a]apad=whole_dur=19[a];[b]apad=whole_dur=19[b2];[c]apad=whole_dur=19[c2];[a][b2][c2]join=inputs=3:channel_layout=3.0:map=0.0-FL|1.0-FR|2.0-FC")
	b := newBench(t, 2)
	got := b.transcribeFile(t, path, func(task *engine.Task) { task.Channels = api.ChannelsSplit })
	var speakers []string
	for _, s := range got.segments {
		if len(speakers) == 0 || speakers[len(speakers)-1] != s.Speaker {
			speakers = append(speakers, s.Speaker)
		}
	}
	if want := []string{"Channel 1", "Channel 2", "Channel 3"}; !slices.Equal(speakers, want) {
		t.Errorf("got %+v, %+v, want %v", got.segments, got.end, want)
	}
}

func TestRecordings_tracks(t *testing.T) {
	paths := recordingPaths(t)
	path := makeFile(t, "a.mka", "-i", paths[2], "-i", paths[4], "-filter_complex", "[1:a]adelay=7500[b]", "-map", "0:a", "-map", "[b]", "-c:a", "flac")
	tests := []struct {
		track    string
		channels api.Channels
		words    string // of the first and the last segment
		speakers string
		code     string
	}{
		{"1", "", "unless to be", "", ""},
		{"2", "", "he might", "", ""},
		{"all", "", "unless to be", "", ""},
		{"all", api.ChannelsSplit, "unless to be", "Track 1 Track 2", ""},
		{"3", "", "", "", api.JobUnsupported},
	}
	b := newBench(t, 2)
	for _, tt := range tests {
		t.Run(tt.track+" "+string(tt.channels), func(t *testing.T) {
			got := b.transcribeFile(t, path, func(task *engine.Task) { task.Track, task.Channels = tt.track, tt.channels })
			if got.end.Code != tt.code {
				t.Fatalf("got %+v, want code %q", got.end, tt.code)
			}
			if tt.code != "" {
				return
			}
			var speakers []string
			for _, s := range got.segments {
				speakers = append(speakers, s.Speaker)
			}
			if !strings.HasPrefix(got.text(), tt.words) || tt.speakers != "" && strings.Join(slices.Compact(speakers), " ") != tt.speakers {
				t.Errorf("got %+v, want %q by %q", got.segments, tt.words, tt.speakers)
			}
			if tt.track == "all" && (got.end.Duration < 10 || !strings.Contains(got.text(), "disposed")) {
				t.Errorf("got %q of %.1f s, want both tracks to their ends", got.text(), got.end.Duration)
			}
		})
	}
}

// The index of a long M4A file takes more memory than all of a short one.
func TestRecordings_longIndex(t *testing.T) {
	minute := makeFile(t, "minute.m4a", "-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono:d=60", "-c:a", "aac", "-b:a", "16k")
	hours := map[string][]string{
		"4.m4a":  {"-stream_loop", "239", "-i", minute, "-c", "copy"},
		"8.m4a":  {"-stream_loop", "479", "-i", minute, "-c", "copy", "-movflags", "faststart"},
		"20.m4a": {"-stream_loop", "1199", "-i", minute, "-c", "copy"},
		"20.mp4": {"-stream_loop", "1199", "-i", minute, "-c", "copy", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "1000000"},
	}
	f, err := newFFmpeg(t.Context(), modelstest.Cache(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range hours {
		path := makeFile(t, name, args...)
		const most = 30 // seconds: what fails, fails before the first sample
		got := f.serve(decodeRequest{Path: path, Name: name, Seconds: most}, bufio.NewWriter(io.Discard))
		if !got.Over || got.Samples < (most-1)*sampleRate {
			t.Errorf("%s: got %d samples, %q, want as many as asked for", name, got.Samples, got.Lines)
		}
		if strings.Contains(strings.Join(got.Lines, " "), "index") {
			t.Errorf("%s: got %q, want room for the index", name, got.Lines)
		}
	}
	in, err := openInput(audio(t, "formats/aac.m4a"), "aac.m4a")
	if err != nil {
		t.Fatal(err)
	}
	defer in.file.Close()
	if in.memory > memoryBase+1<<20 {
		t.Errorf("got %d bytes of memory for a short file, want little more than %d", in.memory, memoryBase)
	}
}
