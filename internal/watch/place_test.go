package watch

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestPlace_isKnownByTheMarkerThatItWasAdoptedWith(t *testing.T) {
	dir := t.TempDir()
	const name = "wat_1"
	id, err := Place{Dir: dir, Name: name}.Adopt()
	if err != nil || id.Marker != name {
		t.Fatalf("got %+v (%v), want an identity with a marker", id, err)
	}
	if got := readFile(t, filepath.Join(dir, Marker)); !strings.HasPrefix(got, id.Marker+"\n") {
		t.Errorf("got the marker file %q, want it to begin with %q", got, id.Marker)
	}
	if again, err := (Place{Dir: dir}).Adopt(); err != nil || again != id {
		t.Errorf("got %+v (%v) from adopting it again, want %+v", again, err, id)
	}
	place := Place{Dir: dir, Identity: id, Name: name}
	second := Place{Dir: dir, Identity: id, Name: "wat_2"} // the same folder, by another path
	if err := second.RemoveMarker(); err != nil {
		t.Errorf("got %v from a watch that another one's marker is none of, want nothing", err)
	}
	if got := readFile(t, filepath.Join(dir, Marker)); !strings.HasPrefix(got, name) {
		t.Errorf("got the marker %q after the other watch was removed, want it as it was", got)
	}
	for _, c := range []struct {
		name, marker string // "": there is none
		dev          uint64 // of the identity
		want         error
	}{
		{"as it was", id.Marker, id.Dev, nil},
		{"plugged in anew", id.Marker, id.Dev + 1, nil},
		{"marker removed", "", id.Dev, nil},
		{"not mounted", "", id.Dev + 1, api.Unavailable},
		{"another folder", "folder_other", id.Dev, api.Unavailable},
	} {
		if err := place.RemoveMarker(); err != nil {
			t.Fatalf("%s: remove the marker: %v", c.name, err)
		}
		if c.marker != "" {
			writeFile(t, filepath.Join(dir, Marker), c.marker+"\n")
		}
		root, err := Place{Dir: dir, Identity: Identity{Marker: id.Marker, Dev: c.dev}}.Open()
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v from opening it, want %v", c.name, err, c.want)
		}
		if err == nil {
			if err := root.Close(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	if err := place.RemoveMarker(); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v from removing another folder's marker, want %v", err, api.Unavailable)
	}
	gone := Place{Dir: filepath.Join(dir, "gone")}
	if _, err := gone.Adopt(); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v from adopting a folder that is not there, want %v", err, api.Unavailable)
	}
}

func TestPlace_withoutANameIsMarkedByChance(t *testing.T) {
	one, err := Place{Dir: t.TempDir()}.Adopt()
	two, err2 := Place{Dir: t.TempDir()}.Adopt()
	if err != nil || err2 != nil || one.Marker == "" || one.Marker == two.Marker {
		t.Errorf("got the markers %q and %q (%v, %v), want two that differ", one.Marker, two.Marker, err, err2)
	}
}
