package watch

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRestore_movesAFailedSourceBackOnceItsErrorFileIsGone(t *testing.T) {
	const source, moved, report = "calls/talk.mp3", "failed/calls/talk.mp3", "failed/calls/talk.mp3.error.json"
	for _, c := range []struct {
		name  string
		files map[string]string // below the folder
		back  bool
		want  map[string]string
	}{
		{"report there", map[string]string{moved: "audio", report: "{}"}, false,
			map[string]string{"drop/" + moved: "audio", "drop/" + report: "{}"}},
		{"report gone", map[string]string{moved: "audio"}, true, map[string]string{"drop/" + source: "audio"}},
		{"source taken away", map[string]string{"failed/calls/other.mp3": "other"}, false,
			map[string]string{"drop/failed/calls/other.mp3": "other"}},
		{"its place is taken", map[string]string{moved: "audio", source: "newer"}, true,
			map[string]string{"drop/" + source: "newer", "drop/calls/talk (2).mp3": "audio"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			if err := os.RemoveAll(filepath.Join(d.dir, "calls")); err != nil {
				t.Fatal(err)
			}
			for p, text := range c.files {
				writeFile(t, filepath.Join(d.dir, p), text)
			}
			for _, at := range []string{report, filepath.Join(d.dir, report)} { // the second changes nothing more
				back, err := d.finisher().Restore(moved, source, at)
				if err != nil || back != c.back && at == report {
					t.Errorf("got %v (%v), want %v", back, err, c.back)
				}
			}
			wantTree(t, c.name, d.tree(), c.want)
		})
	}
}
