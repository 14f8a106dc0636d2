package wer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/wer"
)

func TestCompare(t *testing.T) {
	const yes, no = true, false
	for _, tt := range []struct {
		want, got string
		errors    int
		right     []bool
	}{
		{"", "", 0, []bool{}},
		{"ask not what", "ask not what", 0, []bool{yes, yes, yes}},
		{"ask not what", "ask what", 1, []bool{yes, yes}},
		{"ask not what", "ask him not what", 1, []bool{yes, no, yes, yes}},
		{"ask not what", "ask knot what", 1, []bool{yes, no, yes}},
		{"ask not what", "", 3, []bool{}},
		{"", "well then", 2, []bool{no, no}},
		{"a b c d", "d c b a", 4, nil},
	} {
		got, right := wer.Compare(strings.Fields(tt.want), strings.Fields(tt.got))
		if got != tt.errors || tt.right != nil && !slices.Equal(right, tt.right) {
			t.Errorf("%q heard as %q: got %d errors, right %v, want %d, %v", tt.want, tt.got, got, right, tt.errors, tt.right)
		}
		if n := wer.Errors(strings.Fields(tt.want), strings.Fields(tt.got)); n != got {
			t.Errorf("%q heard as %q: got %d errors without the words, want %d", tt.want, tt.got, n, got)
		}
	}
}
