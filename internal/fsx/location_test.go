package fsx_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/internal/fsx"
)

func locate(t *testing.T, dir string) fsx.Location {
	t.Helper()
	l, err := fsx.Locate(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func makeDirs(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocate_knowsAFolderThroughALink(t *testing.T) {
	top := t.TempDir()
	calls, inner, link := filepath.Join(top, "calls"), filepath.Join(top, "calls", "inner"), filepath.Join(top, "link")
	makeDirs(t, inner, filepath.Join(top, "callsigns"))
	if err := os.Symlink(calls, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, a, b   string
		same, within bool // a is b, a lies in b
	}{
		{"itself", calls, calls, true, true},
		{"a link", link, calls, true, true},
		{"inside", inner, calls, false, true},
		{"inside through a link", filepath.Join(link, "inner"), calls, false, true},
		{"inside the link", inner, link, false, true},
		{"around", calls, inner, false, false},
		{"beside", filepath.Join(top, "callsigns"), calls, false, false},
		{"missing below it", filepath.Join(link, "none", "at", "all"), calls, false, true},
		{"in one that is missing", calls, filepath.Join(top, "none"), false, false},
		{"both missing", filepath.Join(top, "none"), filepath.Join(top, "none"), false, false},
	} {
		a, b := locate(t, c.a), locate(t, c.b)
		if a.Same(b) != c.same || a.Within(b) != c.within {
			t.Errorf("%s: got same %v, within %v, want %v, %v", c.name, a.Same(b), a.Within(b), c.same, c.within)
		}
	}
}

func TestLocation_Below(t *testing.T) {
	top := t.TempDir()
	calls, inner, link, deep := filepath.Join(top, "calls"), filepath.Join(top, "calls", "week", "day"), filepath.Join(top, "link"), filepath.Join(top, "deep")
	makeDirs(t, inner)
	if err := errors.Join(os.Symlink(calls, link), os.Symlink(inner, deep)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, a, b, want string
		ok               bool
	}{
		{"itself, through a link", link, calls, ".", true},
		{"inside, through a link", filepath.Join(link, "week"), calls, "week", true},
		{"a link into it", deep, calls, filepath.Join("week", "day"), true},
		{"missing below a link into it", filepath.Join(deep, "none", "at", "all"), link, filepath.Join("week", "day", "none", "at", "all"), true},
		{"around", calls, inner, "", false},
		{"in one that is missing", calls, filepath.Join(top, "none"), "", false},
	} {
		got, ok := locate(t, c.a).Below(locate(t, c.b))
		if got != c.want || ok != c.ok {
			t.Errorf("%s: got %q, %v, want %q, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
