package filetype_test

import (
	"testing"

	"github.com/voxparse/voxparse/internal/filetype"
)

func TestHeaderlessOf_tellsByTheExtension(t *testing.T) {
	for _, c := range []struct {
		name string
		want filetype.Headerless
		ok   bool
	}{
		{"call.ulaw", filetype.Headerless{Name: "mu-law", Demuxer: "mulaw", Rate: 8000}, true},
		{"in/CALL.SLN16", filetype.Headerless{Name: "16-bit linear", Demuxer: "s16le", Rate: 16000}, true},
		{"call.g722", filetype.Headerless{Name: "G.722", Demuxer: "g722"}, true},
		{"call.wav", filetype.Headerless{}, false},
		{"ulaw", filetype.Headerless{}, false},
		{"", filetype.Headerless{}, false},
	} {
		if got, ok := filetype.HeaderlessOf(c.name); got != c.want || ok != c.ok {
			t.Errorf("%q: got %+v, %v, want %+v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
