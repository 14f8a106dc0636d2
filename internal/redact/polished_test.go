package redact_test

import (
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/polish"
	"github.com/voxparse/voxparse/internal/redact"
)

// Polishing comes before masking, and must not hide what masking looks for.
func TestFind_polishedText(t *testing.T) {
	expected, found, traps, clean := 0, 0, 0, 0
	for _, l := range readLabeled(t) {
		want := map[redact.Kind]int{}
		for _, g := range l.gold {
			want[g.kind]++
		}
		polish.Apply(l.result, api.ModePolished)
		got := map[redact.Kind]int{}
		for _, f := range redact.Find(l.result) {
			got[f.Kind]++
		}
		if len(want) == 0 {
			if traps++; len(got) == 0 {
				clean++
			} else {
				t.Logf("line %d: got %v in a trap: %s", l.line, got, l.result.Text)
			}
		}
		for k, n := range want {
			expected += n
			found += min(n, got[k])
			if got[k] < n {
				t.Logf("line %d: missed %s: %s", l.line, k, l.result.Text)
			}
		}
	}
	t.Logf("polished: %d of %d spans found, %d of %d traps without a finding", found, expected, clean, traps)
	if r := ratio(found, expected); r < 0.97 {
		t.Errorf("got recall %.3f on polished lines, want at least 0.97", r)
	}
	if r := ratio(clean, traps); r < 0.97 {
		t.Errorf("got %.3f of the polished traps without a finding, want at least 0.97", r)
	}
}
