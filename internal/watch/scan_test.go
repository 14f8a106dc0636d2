package watch

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestList_namesWhatTheRulesTake(t *testing.T) {
	dir := t.TempDir()
	for _, p := range []string{"a.mp3", "sub/b.wav", "sub/note.txt", ".hidden.mp3", "skip/c.mp3"} {
		writeFile(t, filepath.Join(dir, p), "audio")
	}
	writeFile(t, filepath.Join(dir, "empty.mp3"), "")
	stop := errors.New("stop")
	for _, c := range []struct {
		name  string
		rules Rules
		err   error // what the caller says to each
		want  []string
	}{
		{"flat", Rules{}, nil, []string{"a.mp3"}},
		{"recursive", Rules{Recursive: true, Exclude: []string{"skip"}}, nil, []string{"a.mp3", "sub/b.wav"}},
		{"stopped", Rules{}, stop, []string{"a.mp3"}},
	} {
		var got []string
		err := List(t.Context(), Place{Dir: dir}, c.rules, func(p string, st Stat) error {
			if st.Size != int64(len("audio")) {
				t.Errorf("%s: got %d bytes of %s, want %d", c.name, st.Size, p, len("audio"))
			}
			got = append(got, p)
			return c.err
		})
		slices.Sort(got)
		if !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v (%v), want %v (%v)", c.name, got, err, c.want, c.err)
		}
	}
	err := List(t.Context(), Place{Dir: filepath.Join(dir, "gone")}, Rules{}, func(string, Stat) error { return nil })
	if !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v from a folder that is not there, want %v", err, api.Unavailable)
	}
}
