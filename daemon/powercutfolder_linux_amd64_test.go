package daemon_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store/boltstore"
)

// lying are files that lie in drop folders, one for each value of after that
// takes them away.
type lying struct {
	t     *testing.T
	home  string
	files map[string][]byte // path → content
}

func newLying(t *testing.T, home string, n int) *lying {
	t.Helper()
	l := &lying{t: t, home: home, files: map[string][]byte{}}
	for i := range n {
		after := []string{"move", "delete"}[i%2]
		text := fmt.Sprintf("Words %06d.", i)
		path := filepath.Join(home, "in", after, fmt.Sprintf("s%d/f%05d.mp3", i%5, i))
		l.files[path] = audio(text)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, l.files[path], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// left counts the files that are where they were.
func (l *lying) left() (n int) {
	for path := range l.files {
		if _, err := os.Stat(path); err == nil {
			n++
		}
	}
	return n
}

// check sees that after a power cut, of which now is what it left, a file that
// is gone was transcribed, and that its outputs and what it was moved to are
// whole.
func (l *lying) check(now string) {
	l.t.Helper()
	for path, data := range l.files {
		rest := strings.TrimPrefix(path, l.home)
		got, err := os.ReadFile(filepath.Join(now, rest))
		if err == nil && string(got) == string(data) {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			l.t.Errorf("%s: got %d bytes, %v", rest, len(got), err)
		}
		want := strings.TrimPrefix(string(data), "ID3\x00") + "\n"
		out, err := os.ReadFile(filepath.Join(now, strings.TrimSuffix(rest, ".mp3")+".txt"))
		if err != nil || string(out) != want {
			l.t.Errorf("%s is gone, and its transcript is %q, %v", rest, out, err)
		}
		if before, after, ok := strings.Cut(rest, "/move/"); ok {
			moved, err := os.ReadFile(filepath.Join(now, before, "move", "done", after))
			if err != nil || string(moved) != string(data) {
				l.t.Errorf("%s was moved: got %d bytes of %d, %v", rest, len(moved), len(data), err)
			}
		}
	}
}

func TestNoDroppedFileIsLostWhenThePowerFails(t *testing.T) {
	cuts := 100
	if testing.Short() {
		cuts = 20
	}
	dir := shortDir(t)
	l := newLying(t, dir, 60)
	r, c := recordDaemon(t, dir, filepath.Join(dir, "in"))
	safe := r.now()
	for _, after := range []string{"move", "delete"} {
		_, err := c.AddWatch(t.Context(), api.FolderRequest{Dir: filepath.Join(dir, "in", after), Existing: "process",
			Options: quick(func(o *api.FolderOptions) { o.After = api.After(after) })})
		if err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the end of most of the files", func() bool { return l.left() < 10 })
	r.kill()
	if r.err != nil {
		t.Fatal(r.err)
	}
	seed := rand.Uint64()
	luck := rand.New(rand.NewPCG(seed, 0))
	for i := range cuts {
		at, way := crashAfter(r.ops, safe, luck), i%nWays
		d := newDisk(l.files, r.ops, safe, at)
		d.cut(way, luck)
		now := shortDir(t)
		if err := d.write(dir, now); err != nil {
			t.Fatal(err)
		}
		l.check(now)
		if err := boltstore.Check(filepath.Join(testConfig(t, now).DataDir, boltstore.FileName)); err != nil {
			t.Errorf("the database: %v", err)
		}
		if t.Failed() {
			t.Fatalf("the power failed at %d, way %d, seed %d, cut %d", at, way, seed, i)
		}
		os.RemoveAll(now)
	}
	t.Logf("%d calls, %d files of %d left; %d power cuts", len(r.ops), l.left(), len(l.files), cuts)
}
