package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// Tests run as root too, whom no permission stops: so what is said of refusals
// is asked for here with the errors of the system.

func TestOffline_saysWhatToDoByCause(t *testing.T) {
	for _, c := range []struct {
		cause   error
		want    string
		refused bool
	}{
		{&fs.PathError{Op: "open", Path: "/calls", Err: syscall.ENOENT}, "/calls does not exist now", false},
		{&fs.PathError{Op: "open", Path: "/calls", Err: syscall.EACCES}, `/calls cannot be read: permission denied; give it back with: chmod u+rwx "/calls"`, true},
		{&fs.PathError{Op: "open", Path: "/calls", Err: syscall.EIO}, "/calls cannot be opened: open /calls: input/output error", false},
	} {
		err := offline("/calls", c.cause)
		if !errors.Is(err, api.Unavailable) || errors.Is(err, fs.ErrPermission) != c.refused || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v: got %v, want one that ends in %q (refused: %v)", c.cause, err, c.want, c.refused)
		}
	}
}

func TestBlockReason_namesTheCauseOnce(t *testing.T) {
	for want, err := range map[string]error{
		"permission denied":                  &fs.PathError{Op: "open", Path: "a.mp3", Err: syscall.EACCES},
		"cannot be read: input/output error": &fs.PathError{Op: "lstat", Path: "a.mp3", Err: syscall.EIO},
	} {
		if got := blockReason(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

func TestFinisher_folderInPlaceOfAFileIsTroubleWithItsName(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "out")
	writeFile(t, d.out, "a file")
	if _, err := d.finisher().Write(t.Context(), "calls/talk.mp3", transcript, nil, d.record); err == nil || !strings.HasSuffix(err.Error(), d.out+": not a directory") {
		t.Errorf("got %v with a file for the folder of the outputs, want that it is no folder", err)
	}
	if err := os.Remove(d.out); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(d.out, "calls/talk.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := d.write("calls/talk.mp3", transcript, nil)
	if len(got) != len(transcript) || filepath.Base(got[0].Path) == "talk.txt" {
		t.Errorf("got %v beside a folder that has the name of an output, want both outputs under another", got)
	}
}

func TestFinisher_sourceThatIsGoneNeedsNoRemoval(t *testing.T) {
	d := newDesk(t)
	in := d.intent(Delete, "")
	if err := os.Remove(filepath.Join(d.dir, in.Path)); err != nil {
		t.Fatal(err)
	}
	root, err := d.finisher().Place.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := d.finisher().removeSource(root, in); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
	if _, err := d.finisher().Open(in.Path, in.Stat); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v from opening it, want a conflict", err)
	}
}

func TestMayAttach_tellsRefusalFromAbsence(t *testing.T) {
	for _, c := range []struct {
		said, want error
	}{
		{nil, nil},
		{api.Errorf(api.Conflict, "the folder holds the outputs of another"), api.Conflict},
		{&fs.PathError{Op: "stat", Path: "x", Err: syscall.ENOENT}, api.Unavailable},
	} {
		w := &Watcher{opt: Options{May: func() error { return c.said }}}
		if err := w.mayAttach(); !errors.Is(err, c.want) {
			t.Errorf("%v: got %v, want %v", c.said, err, c.want)
		}
	}
}
