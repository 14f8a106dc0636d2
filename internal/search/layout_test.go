package search

import (
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestOpen_replacesAnotherLayout(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		layout string
		kept   bool
	}{{layout, true}, {"0", false}} {
		x, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		entry := Entry{JobID: "job_a", FinishedAt: time.Now(), Result: &api.Result{Text: "snow"}}
		if err := x.Put([]Entry{entry}, Place{Seq: 7, Event: "evt_a"}); err != nil {
			t.Fatal(err)
		}
		if err := x.bleve.SetInternal([]byte("layout"), []byte(c.layout)); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if x, err = Open(dir, nil); err != nil {
			t.Fatal(err)
		}
		if p, err := x.Place(); err != nil || (p.Seq == 7) != c.kept {
			t.Errorf("layout %q: got place %v, %v, want it kept: %v", c.layout, p, err, c.kept)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
