package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits CODE PROG ARG… runs a program and wants that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROG ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: got exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// lookEvery is the pause between two looks of await.
const lookEvery = 100 * time.Millisecond

// await [-DURATION] REGEXP PROG ARG… runs a program again and again until it
// succeeds and stdout matches; after DURATION (60s) without that it fails with
// what the program wrote last.
func await(ts *testscript.TestScript, neg bool, args []string) {
	limit := stuck
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		d, err := time.ParseDuration(args[0][1:])
		ts.Check(err)
		limit, args = d, args[1:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await [-DURATION] REGEXP PROG ARG…")
	}
	re := regexp.MustCompile("(?m)" + args[0])
	deadline, pause := time.NewTimer(limit), time.NewTicker(lookEvery)
	defer deadline.Stop()
	defer pause.Stop()
	for {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		if err == nil && re.MatchString(out) {
			return
		}
		select {
		case <-pause.C:
		case <-deadline.C:
			ts.Fatalf("%s: no match of %q in %s; the last run ended with %v\nstdout: %s\nstderr: %s",
				strings.Join(args[1:], " "), args[0], limit, err, out, ts.ReadFile("stderr"))
		}
	}
}

// grab VAR REGEXP puts the first match in stdout (its first group where it has
// one) into a variable.
func grab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: grab VAR REGEXP")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("stdout holds no %s", args[1])
	}
	ts.Setenv(args[0], m[len(m)-1])
}

// speech FILE SECONDS makes a WAV file of that length from the recordings, over
// and over.
func speech(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: speech FILE SECONDS")
	}
	seconds, err := strconv.Atoi(args[1])
	ts.Check(err)
	files, err := filepath.Glob(filepath.Join(ts.Getenv("AUDIO"), "*.wav"))
	ts.Check(err)
	const rate, header = 16000, 44
	want := seconds * rate * 2
	var pcm []byte
	for i := 0; len(pcm) < want; i++ {
		data, err := os.ReadFile(files[i%len(files)])
		ts.Check(err)
		pcm = append(pcm, data[header:]...)
	}
	pcm = pcm[:want]
	var b bytes.Buffer
	b.WriteString("RIFF")
	field := func(v any) { ts.Check(binary.Write(&b, binary.LittleEndian, v)) }
	field(uint32(36 + len(pcm)))
	b.WriteString("WAVEfmt ")
	field([]uint32{16})
	field([]uint16{1, 1})
	field([]uint32{rate, rate * 2})
	field([]uint16{2, 16})
	b.WriteString("data")
	field(uint32(len(pcm)))
	b.Write(pcm)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// placeholders replace what differs from run to run.
var placeholders = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"key_[0-9a-f]{12}"`), `"key_ID"`},
	{regexp.MustCompile(`(job|whk|evt|dlv|wat)_[0-9a-hjkmnp-tv-z]{26}`), `${1}_ID`},
	{regexp.MustCompile(`whsec_[0-9a-f]{64}`), `whsec_SECRET`},
	{regexp.MustCompile(`vp_[0-9a-f]{40}`), `vp_KEY`},
	{regexp.MustCompile(`"\.\.\.[0-9a-f]{4}"`), `"...LAST"`},
	{regexp.MustCompile(`,"last_scan":"[^"]*"`), ``}, // there once the first scan has ended, which nothing waits for
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`), `"TIME"`},
	{regexp.MustCompile(`"[0-9a-f]{64}"`), `"SHA256"`},
	{regexp.MustCompile(`"(pid|duration_ms|rss_bytes|bytes_written|bytes_before|bytes_after|restarts|speed|score|start|position_seconds|percent)":[0-9.e+-]+`), `"${1}":0`},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), `127.0.0.1:PORT`},
	{regexp.MustCompile(`/tmp/vp\d+`), `HOME`},
	{regexp.MustCompile(`"(commit|go|platform)":"[^"]*"`), `"${1}":"X"`},
	{regexp.MustCompile(`"status":"(idle|starting|scanning|watching|polling)"`), `"status":"READY"`},
	{regexp.MustCompile(`"Date":"[^"]*"`), `"Date":"DATE"`},
	{regexp.MustCompile(`"webhook-(signature|timestamp)":"[^"]*"`), `"webhook-$1":"VALUE"`},
	{regexp.MustCompile(`"request_body":"\{.*\}"`), `"request_body":"BODY"`},
}

// shape NAME compares stdout, with what differs from run to run replaced, to
// testdata/golden/cli/NAME.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shape NAME")
	}
	got := ts.ReadFile("stdout")
	for _, p := range placeholders {
		got = p.re.ReplaceAllString(got, p.with)
	}
	got = strings.ReplaceAll(got, ts.Getenv("MODELS"), "MODELS")
	got = strings.ReplaceAll(got, ts.Getenv("WORK"), "WORK")
	path := filepath.Join("../../testdata/golden/cli", args[0])
	if *update {
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	ts.Check(err)
	if got != string(want) {
		ts.Fatalf("%s (go test -update writes it anew)\ngot  %s\nwant %s", args[0], got, want)
	}
}
