package daemon

import (
	"errors"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestTranscriptsAreFoundByWhatWasSaid(t *testing.T) {
	f := start(t, nil)
	refund := f.finished("I would like a refund for my order")
	other := f.finished("the weather is fine today")
	find := func(q string) []api.SearchHit {
		t.Helper()
		hits, err := f.client.Search(t.Context(), q, 0)
		if err != nil {
			t.Fatalf("search %q: %v", q, err)
		}
		return hits
	}
	hits := find("refunds")
	if len(hits) != 1 || hits[0].JobID != refund || hits[0].Source.Name != "call.mp3" {
		t.Fatalf("got %+v, want %s", hits, refund)
	}
	if s := hits[0].Snippets; len(s) != 1 || len(s[0].Matches) != 1 {
		t.Errorf("got snippets %+v, want one with one match", s)
	}
	if late := f.finished("another refund"); len(find("refund")) != 2 {
		t.Errorf("what was completed after the index was opened, %s, is not found", late)
	}
	if err := f.client.DeleteJob(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	if hits := find("order"); len(hits) != 0 {
		t.Errorf("got %+v, want nothing of a deleted job", hits)
	}
	if hits := find("weather"); len(hits) != 1 || hits[0].JobID != other {
		t.Errorf("got %+v, want %s", hits, other)
	}
	if _, err := f.client.Search(t.Context(), "", 0); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v from an empty search, want invalid", err)
	}
}
