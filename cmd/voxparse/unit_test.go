package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

func TestEveryErrorHasItsExitCode(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, 0},
		{"any", errors.New("x"), 1},
		{"internal", api.Errorf(api.Internal, "x"), 1},
		{"not ready", api.Errorf(api.Unavailable, "no space"), 1},
		{"usage", usagef("x"), 2},
		{"refused input", api.Errorf(api.Invalid, "x"), 2},
		{"failed job", jobError(api.Job{Status: api.Failed}), 3},
		{"cancelled job", jobError(api.Job{Status: api.Cancelled}), 3},
		{"no audio", api.Errorf(api.NotAudio, "x"), 3},
		{"credentials", api.Errorf(api.Unauthorized, "x"), 4},
		{"not found, wrapped", fmt.Errorf("show: %w", api.Errorf(api.NotFound, "x")), 5},
		{"no daemon", client.ErrUnreachable, 6},
		{"part of a batch", exitError{code: exitPartly, err: errors.New("x")}, 8},
		{"wait", api.Errorf(api.TimedOut, "x"), 9},
		{"deadline", context.DeadlineExceeded, 9},
		{"signature", api.Errorf(api.BadSignature, "x"), 10},
		{"Ctrl-C", signaled{syscall.SIGINT}, 130},
		{"SIGTERM, wrapped", fmt.Errorf("wait: %w", signaled{syscall.SIGTERM}), 143},
	}
	for _, tt := range tests {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestMetadata(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.json")
	if err := os.WriteFile(file, []byte(" {\"a\": 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		given []string
		want  string
		fails bool
	}{
		{"nothing", nil, "", false},
		{"pairs keep their order", []string{"z=1", "a=x=y", "e="}, `{"z":"1","a":"x=y","e":""}`, false},
		{"characters", []string{`k=<"ü>`}, `{"k":"<\"ü>"}`, false},
		{"an object", []string{`{"ticket_id":"T-1234","n":1.0}`}, `{"ticket_id":"T-1234","n":1.0}`, false},
		{"a file", []string{"@" + file}, `{"a": 1}`, false},
		{"both", []string{`{"a":1}`, "b=2"}, "", true},
		{"twice", []string{"a=1", "a=2"}, "", true},
		{"no pair", []string{"abc"}, "", true},
		{"no key", []string{"=abc"}, "", true},
		{"broken", []string{`{"a":}`}, "", true},
		{"trailing", []string{`{"a":1} {}`}, "", true},
		{"no such file", []string{"@/nowhere"}, "", true},
		{"too long", []string{"a=" + strings.Repeat("x", api.MaxMetadata)}, "", true},
	}
	for _, tt := range tests {
		got, err := metadata(tt.given)
		if string(got) != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: got %s, %v, want %s, fails %v", tt.name, got, err, tt.want, tt.fails)
		}
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("%s: got exit code %d, want %d", tt.name, exitCode(err), exitUsage)
		}
	}
}

func TestOutputsArePlannedBeforeAnythingRuns(t *testing.T) {
	dir := t.TempDir()
	one := []input{{path: "/a/call.mp3", rel: "call.mp3"}}
	two := []input{{path: "/a/call.mp3", rel: "call.mp3"}, {path: "/a/call.wav", rel: "call.wav"}}
	deep := []input{{path: "/a/x/1.mp3", rel: "x/1.mp3"}, {path: "/a/y/1.mp3", rel: "y/1.mp3"}}
	tests := []struct {
		name    string
		inputs  []input
		formats []string
		out     string
		want    string
	}{
		{"one to stdout", one, nil, "", "[[{txt }]]"},
		{"one to stdout as srt", one, []string{"srt"}, "-", "[[{srt }]]"},
		{"the extension decides", one, nil, "x.vtt", "[[{vtt x.vtt}]]"},
		{"-f wins over the extension", one, []string{"json"}, "x.txt", "[[{json x.txt}]]"},
		{"into a folder", one, []string{"txt", "SRT", "txt"}, dir, fmt.Sprintf("[[{txt %[1]s/call.txt} {srt %[1]s/call.srt}]]", dir)},
		{"a folder to be made", one, nil, "out/", "[[{txt out/call.txt}]]"},
		{"one stem twice", two, nil, "out", "[[{txt out/call.mp3.txt}] [{txt out/call.wav.txt}]]"},
		{"folders are kept", deep, nil, "out/", "[[{txt out/x/1.txt}] [{txt out/y/1.txt}]]"},
		{"several formats to stdout", one, []string{"txt", "srt"}, "", "error"},
		{"several formats to a file", one, []string{"txt", "srt"}, "x.txt", "error"},
		{"several files to a file", two, nil, "x.txt", "error"},
		{"unknown format", one, []string{"doc"}, "", "error"},
	}
	for _, tt := range tests {
		got, err := plan(tt.inputs, tt.formats, tt.out, len(tt.inputs) == 1)
		text := "error"
		if err == nil {
			var all [][]target
			for _, in := range tt.inputs {
				all = append(all, got[in.path])
			}
			text = fmt.Sprint(all)
		}
		if text != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.name, text, err, tt.want)
		}
	}
}

func TestExpandFindsAudio(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.mp3", "b.WAV", "notes.txt", ".hidden.mp3", "sub/c.flac", ".git/d.mp3", "odd[1].mp3"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		want string
		code int
	}{
		{"folder", []string{dir}, "a.mp3 b.WAV odd[1].mp3 sub/c.flac", 0},
		{"glob", []string{dir + "/**/*.{mp3,flac}"}, "a.mp3 odd[1].mp3 sub/c.flac", 0},
		{"glob that asks for what is hidden", []string{dir + "/.*.mp3"}, ".hidden.mp3", 0},
		{"no pattern either", []string{dir + "/odd[2"}, "", exitNotFound},
		{"a file that looks like a glob", []string{dir + "/odd[1].mp3"}, "odd[1].mp3", 0},
		{"any file by name", []string{dir + "/notes.txt"}, "notes.txt", 0},
		{"each once", []string{dir + "/a.mp3", dir, dir + "/./a.mp3"}, "a.mp3 b.WAV odd[1].mp3 sub/c.flac", 0},
		{"stdin", []string{"-"}, "stdin", 0},
		{"stdin twice", []string{"-", "-"}, "", exitUsage},
		{"no such file", []string{dir + "/no.mp3"}, "", exitNotFound},
		{"no match", []string{dir + "/*.ogg"}, "", exitNotFound},
		{"no audio", []string{dir + "/.git/../sub/.."}, "a.mp3 b.WAV odd[1].mp3 sub/c.flac", 0},
	}
	for _, tt := range tests {
		got, err := expand(tt.args, "stdin")
		var names []string
		for _, in := range got {
			names = append(names, filepath.ToSlash(in.rel))
		}
		if strings.Join(names, " ") != tt.want || exitCode(err) != tt.code {
			t.Errorf("%s: got %v, %v, want %s, exit code %d", tt.name, names, err, tt.want, tt.code)
		}
	}
}

func TestTimesForPeople(t *testing.T) {
	tests := []struct{ got, want string }{
		{shortDuration(40 * time.Millisecond), "40ms"}, {shortDuration(10 * time.Second), "10s"}, {shortDuration(60 * time.Second), "1m"},
		{shortDuration(250 * time.Second), "4m10s"}, {shortDuration(3 * time.Hour), "3h"}, {shortDuration(200 * time.Minute), "3h20m"}, {shortDuration(120 * time.Hour), "5d"},
		{ago(-5 * time.Second), "in 5s"}, {ago(0), "just now"}, {ago(90 * time.Second), "1m30s ago"},
		{clock(0), "0:00"}, {clock(61.2), "1:01"}, {clock(3723), "1:02:03"},
		{bytesText(12), "12 B"}, {bytesText(2048), "2 kB"}, {bytesText(3 << 19), "1.5 MB"}, {bytesText(3 << 29), "1.5 GB"},
		{shorten("abcdefgh", 5), "ab…gh"}, {shorten("abc", 5), "abc"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestParseSince(t *testing.T) {
	if at, err := parseSince("24h"); err != nil || time.Since(at) < 23*time.Hour || time.Since(at) > 25*time.Hour {
		t.Errorf("got %s, %v, want a day ago", at, err)
	}
	for _, s := range []string{"2026-05-03", "2026-05-03T12:00:00Z", "2026-05-03 12:00", "2026-05-03 12:00:00"} {
		if at, err := parseSince(s); err != nil || at.Year() != 2026 || at.Day() != 3 {
			t.Errorf("%s: got %s, %v", s, at, err)
		}
	}
	if _, err := parseSince("yesterday"); exitCode(err) != exitUsage {
		t.Errorf("got %v, want a usage error", err)
	}
}

func TestForeignTextCannotDriveTheTerminal(t *testing.T) {
	for _, s := range []string{"\x1b[2J", "a\rb", "\x9b31m", "\u009b31m", "x\u202egpj.exe", "\x07"} {
		if got := clean(s); !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r\x07\u009b\u202e") {
			t.Errorf("%q: got %q", s, got)
		}
	}
	if got := clean("Grüße\tan\nalle"); got != "Grüße\tan\nalle" {
		t.Errorf("got %q, want it untouched", got)
	}
}

func TestSeekLinesFindsTheEnd(t *testing.T) {
	var long strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&long, "line %d\n", i)
	}
	tests := []struct {
		text string
		n    int
		want string
	}{
		{"a\nb\nc\n", 2, "b\nc\n"}, {"a\nb\nc", 2, "b\nc"}, {"a\nb\nc", 1, "c"}, {"a\nb\n", 1, "b\n"}, {"a\n", 5, "a\n"}, {"", 3, ""},
		{"\n\n\n", 2, "\n\n"}, {long.String(), 2, "line 19998\nline 19999\n"}, {long.String(), 20000, long.String()},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := seekLines(f, tt.n); err != nil {
			t.Fatal(err)
		}
		at, err := f.Seek(0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.text[at:]; got != tt.want {
			t.Errorf("last %d of %.20q…: got %.40q, want %.40q", tt.n, tt.text, got, tt.want)
		}
		f.Close()
	}
}

func TestTheProgressLineFitsTheTerminal(t *testing.T) {
	var b strings.Builder
	a := newApp(strings.NewReader(""), &b, &b)
	a.errStyle.tty, a.errStyle.width = true, 80
	board := newBoard(a, 3)
	it := board.begin("a very long name of a recording of last monday.mp3", 1<<20)
	board.begin("second.mp3", 1)
	it.update(api.Job{Status: api.Processing, Progress: &api.Progress{Stage: "transcribe", PositionSeconds: 750, DurationSeconds: 1500, Speed: 20}})
	line := board.line()
	if n := len([]rune(line)); n > 79 {
		t.Errorf("got %d columns, want at most 79: %s", n, line)
	}
	for _, want := range []string{"█", " 50%", "12:30 of 25:00", "20x", "38s left", "0/3 done"} {
		if !strings.Contains(line, want) {
			t.Errorf("got %q, want %q in it", line, want)
		}
	}
}

func TestALogGetsALineOfProgressNowAndThen(t *testing.T) {
	var b strings.Builder
	it := newBoard(newApp(strings.NewReader(""), &b, &b), 1).begin("call.mp3", 1)
	at := func(position float64) api.Job {
		return api.Job{Status: api.Processing, Progress: &api.Progress{Stage: "transcribe", PositionSeconds: position, DurationSeconds: 1000, Speed: 10}}
	}
	it.update(at(100))
	it.toldAt = it.toldAt.Add(-plainPause)
	it.update(at(250))
	it.update(at(300))
	if got, want := b.String(), "call.mp3: 25%  4:10 of 16:40  10x  1m15s left\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestATableFitsTheTerminal(t *testing.T) {
	tests := []struct {
		width int
		want  string
	}{
		{0, "ID        FILE                NOTE\njob_0001  録音の長い名前.mp3  x"},
		{80, "ID        FILE                NOTE\njob_0001  録音の長い名前.mp3  x"},
		{30, "id             job_0001\nfile           録音の長い名前.mp3\nnote           x"},
	}
	for _, tt := range tests {
		var b strings.Builder
		a := newApp(strings.NewReader(""), &b, &b)
		a.style.tty, a.style.width = true, tt.width
		tab := table{head: []string{"ID", "FILE", "NOTE"}}
		tab.add("job_0001", "録音の長い名前.mp3", "x")
		if err := a.printTable(tab); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(b.String()); got != tt.want {
			t.Errorf("%d columns: got\n%s\nwant\n%s", tt.width, got, tt.want)
		}
	}
}

func TestWrap_neverInsideAWord(t *testing.T) {
	tests := []struct {
		name         string
		text         string
		width        int
		used, indent int
		want         string
	}{
		{"no terminal", "one two three", 0, 0, 2, "one two three"},
		{"it fits", "one  two", 8, 0, 2, "one  two"},
		{"between words", "one two three", 8, 0, 2, "one two\n  three"},
		{"below a label", "one two three", 10, 4, 4, "one\n    two\n    three"},
		{"a long word stays whole", "see http://localhost:3000/hooks now", 12, 0, 2, "see\n  http://localhost:3000/hooks\n  now"},
		{"wide characters", "録音 録音 録音", 9, 0, 0, "録音 録音\n録音"},
		{"colors take no room", "\x1b[31mone\x1b[0m two", 7, 0, 0, "\x1b[31mone\x1b[0m two"},
		{"lines stay", "one\ntwo three", 5, 0, 1, "one\ntwo\n three"},
	}
	for _, tt := range tests {
		if got := (style{width: tt.width}).wrap(tt.text, tt.used, tt.indent); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTableWidths_shortWordsStayWhole(t *testing.T) {
	tab := table{head: []string{"ID", "STATUS", "NOTE"}}
	tab.add("dlv_01m8dec8bf85xyqdn2m3bjm000", "pending", "a note of several words")
	if widths, fits := tab.widths(48); !fits || widths[1] < len("pending") || widths[2] < len("several") {
		t.Errorf("48 columns: got %v, %v, want columns that fit and keep words whole", widths, fits)
	}
	if widths, fits := tab.widths(44); fits {
		t.Errorf("44 columns: got %v, want no fit", widths)
	}
}

func TestCompletionsAreFresh(t *testing.T) {
	a := newApp(strings.NewReader(""), os.Stdout, os.Stderr)
	dir := t.TempDir()
	if err := writeCompletions(rootCmd(a), dir); err != nil {
		t.Fatal(err)
	}
	for _, f := range completionFiles {
		want, err := os.ReadFile(filepath.Join(dir, f.file))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("../../completions", f.file)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is stale (%v); make it again with: go generate ./cmd/voxparse", path, err)
		}
	}
}
