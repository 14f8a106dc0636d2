package fsx_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// dirWith makes a folder with that name and mode.
func dirWith(t *testing.T, name string, mode fs.FileMode) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPrivateDir_TrustedDir_OwnDir_existing(t *testing.T) {
	const sticky = fs.ModeSticky
	private, trusted, own := fsx.PrivateDir, fsx.TrustedDir, fsx.OwnDir
	for _, c := range []struct {
		name    string
		ensure  func(string) error
		dir     string
		mode    fs.FileMode
		after   fs.FileMode
		message string
	}{
		{"private, closed", private, "data", 0o700, 0o700, ""},
		{"private, ours by name", private, "voxparse-data", 0o755, 0o700, ""},
		{"private, open", private, "data", 0o750, 0o750, "run: chmod 700"},
		{"private, written by others", private, "voxparse-data", 0o777, 0o777, "may have put something into it"},
		{"trusted, closed", trusted, "run", 0o700, 0o700, ""},
		{"trusted, ours by name", trusted, "voxparse", 0o755, 0o700, ""},
		{"trusted, open", trusted, "run", 0o755, 0o755, "run: chmod 700"},
		{"trusted, written by others", trusted, "voxparse", 0o777, 0o777, "may have put something into it"},
		{"trusted, sticky", trusted, "run", 0o777 | sticky, 0o777 | sticky, "run: chmod 700"},
		{"own, closed", own, "decoder", 0o700, 0o700, ""},
		{"own, open", own, "decoder", 0o755, 0o700, ""},
		{"own, written by others", own, "decoder", 0o777, 0o777, "may have put something into it"},
		{"checked, closed", fsx.CheckTrusted, "voxparse", 0o700, 0o700, ""},
		{"checked, open", fsx.CheckTrusted, "voxparse", 0o711, 0o711, "run: chmod 700"},
	} {
		dir := dirWith(t, c.dir, c.mode)
		err := c.ensure(dir)
		switch {
		case c.message == "" && err != nil:
			t.Errorf("%s: got %v, want no error", c.name, err)
		case c.message != "" && (!errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), c.message)):
			t.Errorf("%s: got %v, want api.Invalid with %q", c.name, err, c.message)
		}
		if fi, err := os.Stat(dir); err != nil || fi.Mode()&^fs.ModeDir != c.after {
			t.Errorf("%s: got mode %v %v, want %v", c.name, fi.Mode(), err, c.after)
		}
	}
}

func TestPrivateDir_TrustedDir_OwnDir_new(t *testing.T) {
	for name, ensure := range map[string]func(string) error{"private": fsx.PrivateDir, "trusted": fsx.TrustedDir, "own": fsx.OwnDir} {
		dir := filepath.Join(t.TempDir(), "above", "below")
		if err := ensure(dir); err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
		}
		for _, d := range []string{dir, filepath.Dir(dir)} {
			if fi, err := os.Stat(d); err != nil || fi.Mode().Perm() != 0o700 {
				t.Errorf("%s: got %v %v, want a folder with mode 0700", name, fi, err)
			}
		}
		file := filepath.Join(dir, "file")
		put(t, file, "", 0o600)
		if err := ensure(filepath.Join(file, "below")); err == nil {
			t.Errorf("%s below a file: got no error", name)
		}
	}
}

// below makes dir's folder one with that mode, and gives it to uid where that
// is not -1.
func below(t *testing.T, mode fs.FileMode, uid int, name string) string {
	t.Helper()
	above := filepath.Join(t.TempDir(), "above")
	dir := filepath.Join(above, name)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(above, mode)); err != nil {
		t.Fatal(err)
	}
	if uid < 0 {
		return dir
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	if err := os.Chown(above, uid, uid); err != nil {
		t.Fatalf("give the folder to another user: %v", err)
	}
	return dir
}

var ensurers = map[string]func(string) error{
	"PrivateDir": fsx.PrivateDir, "TrustedDir": fsx.TrustedDir, "OwnDir": fsx.OwnDir, "CheckTrusted": fsx.CheckTrusted,
}

func TestFolders_whatTheyLieIn(t *testing.T) {
	for _, c := range []struct {
		name    string
		mode    fs.FileMode
		uid     int
		message string
	}{
		{"in a folder that is read by others", 0o755, -1, ""},
		{"in one that all can write to", 0o777, -1, "run: chmod go-w"},
		{"in one with its sticky bit", 0o777 | fs.ModeSticky, -1, ""},
		{"in another's", 0o755, 65534, "uid 65534"},
		{"in another's with its sticky bit", 0o777 | fs.ModeSticky, 65534, "uid 65534"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := below(t, c.mode, c.uid, "voxparse")
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(filepath.Dir(dir), link); err != nil {
				t.Fatal(err)
			}
			for name, ensure := range ensurers {
				for _, path := range []string{dir, filepath.Join(link, "voxparse")} {
					err := ensure(path)
					if c.message == "" && err != nil || c.message != "" && (!errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), c.message)) {
						t.Errorf("%s(%s): got %v, want %q", name, path, err, c.message)
					}
				}
			}
		})
	}
}

func TestFolders_makeNothingInAnothers(t *testing.T) {
	above := filepath.Dir(below(t, 0o755, 65534, "x"))
	for _, name := range []string{"PrivateDir", "TrustedDir", "OwnDir"} {
		if err := ensurers[name](filepath.Join(above, "share", "voxparse")); !errors.Is(err, api.Invalid) {
			t.Errorf("%s: got %v, want api.Invalid", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(above, "share")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want nothing made in another's folder", err)
	}
}

func TestFolders_links(t *testing.T) {
	dir := dirWith(t, "elsewhere", 0o700)
	link := filepath.Join(filepath.Dir(dir), "decoder")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for name, ensure := range ensurers {
		err := ensure(link)
		if name == "PrivateDir" {
			if err != nil {
				t.Errorf("%s: got %v for a link of ours, want no error", name, err)
			}
			continue
		}
		if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "is a link") {
			t.Errorf("%s: got %v, want the link refused", name, err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a link to another user")
	}
	if err := os.Lchown(link, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for name, ensure := range ensurers {
		if err := ensure(link); !errors.Is(err, api.Invalid) {
			t.Errorf("%s: got %v for a link of another user, want api.Invalid", name, err)
		}
	}
	if err := fsx.CheckTrusted(filepath.Join(link, "below")); err == nil {
		t.Error("CheckTrusted: got no error below a link of another user")
	}
}

func TestFolders_refuseAnothers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	dir := dirWith(t, "voxparse-data", 0o700)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatalf("give the folder to another user: %v", err)
	}
	for name, ensure := range ensurers {
		if err := ensure(dir); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "uid 65534") {
			t.Errorf("%s: got %v, want api.Invalid that names the owner", name, err)
		}
	}
}

func TestCheckTrusted_makesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "voxparse")
	if err := fsx.CheckTrusted(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	put(t, dir, "", 0o600)
	if err := fsx.CheckTrusted(dir); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v for a file, want api.Invalid", err)
	}
}

func TestFreeSpace(t *testing.T) {
	free, known := fsx.FreeSpace(t.TempDir())
	if known && free == 0 {
		t.Skip("the disk is full")
	}
	if _, known := fsx.FreeSpace(filepath.Join(t.TempDir(), "none")); known {
		t.Error("of no folder: got a number")
	}
}
