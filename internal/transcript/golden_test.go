package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

// load reads a result of testdata.
func load(t testing.TB, name string) *api.Result {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r api.Result
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return &r
}

func results(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.result.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("find results: %v, %v", paths, err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(p), ".result.json")
	}
	return paths
}

func TestFormatsAreAsTheyWere(t *testing.T) {
	for _, name := range results(t) {
		r := load(t, name)
		for _, format := range api.Formats {
			var got bytes.Buffer
			if err := WriteWith(&got, format, r, Options{Title: name, Audio: name + " (1).mp3"}); err != nil {
				t.Errorf("%s as %s: %v", name, format, err)
				continue
			}
			path := filepath.Join("testdata", name+Ext(format))
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s as %s: got\n%s\nwant\n%s", name, format, got.Bytes(), want)
			}
		}
	}
}

func TestJSONIsTheResult(t *testing.T) {
	for _, name := range results(t) {
		r := load(t, name)
		var b bytes.Buffer
		if err := Write(&b, "json", r); err != nil {
			t.Fatal(err)
		}
		var back api.Result
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err1 := json.Marshal(back)
		want, err2 := json.Marshal(r)
		if !bytes.Equal(got, want) || err1 != nil || err2 != nil {
			t.Errorf("%s: got %s, want %s (%v, %v)", name, got, want, err1, err2)
		}
	}
}

func TestUnknownFormatNamesTheKnown(t *testing.T) {
	for format, want := range map[string]string{"str": "did you mean srt?", "SRT": "did you mean srt?", "docx": "txt, srt, vtt", "": "txt, srt, vtt"} {
		err := Write(&bytes.Buffer{}, format, &api.Result{})
		if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("format %q: got %v, want %v with %q", format, err, api.Invalid, want)
		}
		if checked := Check(format); checked == nil || checked.Error() != err.Error() {
			t.Errorf("check %q: got %v, want %v", format, checked, err)
		}
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriteReportsTheWritersError(t *testing.T) {
	r := load(t, "call")
	for _, format := range api.Formats {
		if err := Write(full{}, format, r); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: got %v, want %v", format, err, os.ErrClosed)
		}
	}
}

func TestNothingSaid(t *testing.T) {
	for format, want := range map[string]string{
		"txt": "", "srt": "", "vtt": "WEBVTT\n", "tsv": "start\tend\tspeaker\ttext\n",
		"md": "# Transcript\n\n- Duration: 0:00\n",
	} {
		var b bytes.Buffer
		if err := Write(&b, format, &api.Result{Segments: []api.Segment{{Text: " \n"}}}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if b.String() != want {
			t.Errorf("%s: got %q, want %q", format, b.String(), want)
		}
	}
}

func TestTextWithoutSegmentsIsWritten(t *testing.T) {
	r := &api.Result{DurationSeconds: 4, Text: "Only text."}
	for format, want := range map[string]string{
		"txt": "Only text.\n", "srt": "1\n00:00:00,000 --> 00:00:04,000\nOnly text.\n", "tsv": "start\tend\tspeaker\ttext\n0\t4000\t\tOnly text.\n",
	} {
		var b bytes.Buffer
		if err := Write(&b, format, r); err != nil || b.String() != want {
			t.Errorf("%s: got %q, %v; want %q", format, b.String(), err, want)
		}
	}
}
