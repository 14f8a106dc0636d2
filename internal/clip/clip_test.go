package clip_test

import (
	"testing"

	"github.com/voxparse/voxparse/internal/clip"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		s    string
		max  int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 4, "long"},
		{"näher", 2, "n"},
		{"\U0001f600", 3, ""},
		{"", 0, ""},
	} {
		if got := clip.Bytes(c.s, c.max); got != c.want {
			t.Errorf("Bytes(%q, %d): got %q, want %q", c.s, c.max, got, c.want)
		}
	}
}
