package watch

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// Marker is the file that voxparse leaves at the top of a watched folder, so
// that an unplugged volume (no marker) is told from an empty folder.
const Marker = ".voxparse-folder"

const markerText = "voxparse keeps this file to tell an unplugged volume from an empty folder.\n"

// Identity is what a folder is known by between runs. Keep it with the folder.
type Identity struct {
	Marker string // first line of the Marker file; "" where it could not be written
	Dev    uint64 // device id when the folder was seen last; 0 where the system has none
}

// Place is a folder and what it is known by. The zero Identity fits any folder.
type Place struct {
	Dir      string // absolute
	Identity Identity
	Name     string // what a marker says that is written anew; "": something that no other says
}

// Open opens the folder if it is really there: it exists, and it is the one
// that was adopted, not the empty directory under a volume that is unplugged.
// Otherwise the error is api.Unavailable and says so. The caller closes the
// root, soon: an open root keeps a volume from being unmounted.
func (p Place) Open() (*os.Root, error) {
	root, _, err := p.open()
	return root, err
}

// open is Open; it also returns the Stat of the directory itself.
func (p Place) open() (*os.Root, Stat, error) {
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return nil, Stat{}, offline(p.Dir, err)
	}
	st, err := p.check(root)
	if err != nil {
		return nil, Stat{}, errors.Join(err, root.Close())
	}
	return root, st, nil
}

// check returns the Stat of root's directory, or an error when it is not p.
func (p Place) check(root *os.Root) (Stat, error) {
	fi, err := root.Stat(".")
	if err != nil {
		return Stat{}, offline(p.Dir, err)
	}
	st := StatOf(fi)
	if p.Identity == (Identity{}) {
		return st, nil
	}
	marker, err := readMarker(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Stat{}, offline(p.Dir, err)
	}
	switch {
	case marker != "" && marker == p.Identity.Marker:
	case marker == "" && st.Dev == p.Identity.Dev:
		// The same device: somebody removed the marker, or it was never written.
	case marker == "":
		return Stat{}, api.Errorf(api.Unavailable, "%s is not the folder that was added: its volume is not mounted there", p.Dir)
	case p.Identity.Marker == "" && st.Dev == p.Identity.Dev:
	default:
		return Stat{}, api.Errorf(api.Unavailable, "%s is another folder than the one that was added; watch it anew with: voxparse watch rm and voxparse watch add", p.Dir)
	}
	return st, nil
}

// Adopt opens the folder, leaves the marker where it can, and returns what the
// folder is known by from now on. A marker that is there is kept, so two
// daemons may share a folder.
func (p Place) Adopt() (Identity, error) {
	root, st, err := p.open()
	if err != nil {
		return Identity{}, err
	}
	defer root.Close()
	return p.adopt(root, st)
}

func (p Place) adopt(root *os.Root, st Stat) (Identity, error) {
	id := Identity{Dev: st.Dev}
	marker, err := readMarker(root)
	if errors.Is(err, fs.ErrNotExist) || err == nil && marker == "" {
		marker = p.Identity.Marker
		if marker == "" {
			marker = p.Name
		}
		if marker == "" {
			marker = "folder_" + strings.ToLower(rand.Text())
		}
		err = writeMarker(root, marker)
	}
	if err == nil {
		id.Marker = marker
	}
	return id, nil // a folder that cannot be written is known by its device alone
}

// RemoveMarker removes the marker of a folder that is no longer watched, if it
// says Name: any other was left by another watch, which still goes by it.
func (p Place) RemoveMarker() error {
	if p.Name == "" || p.Identity.Marker != p.Name {
		return nil
	}
	root, err := p.Open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(Marker); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", Marker, err)
	}
	return nil
}

// readMarker returns the first line of the marker.
func readMarker(root *os.Root) (string, error) {
	fi, err := root.Lstat(Marker)
	if err != nil {
		return "", err
	}
	if !fi.Mode().IsRegular() {
		return "", fmt.Errorf("read %s: not a regular file", Marker)
	}
	f, err := root.OpenFile(Marker, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(bytes.TrimSpace(line)), nil
}

func writeMarker(root *os.Root, marker string) error {
	f, err := root.OpenFile(Marker, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(marker + "\n" + markerText)
	return errors.Join(err, f.Close())
}

// offline makes err api.Unavailable, with a sentence for a person.
func offline(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return api.Errorf(api.Unavailable, "%s does not exist now", dir)
	case errors.Is(err, fs.ErrPermission):
		fix := permit(dir)
		return &blockedError{error: api.Errorf(api.Unavailable, "%s cannot be read: permission denied; give it back with: %s", dir, fix), fix: fix}
	}
	return api.Errorf(api.Unavailable, "%s cannot be opened: %v", dir, err)
}

// permit is the command that gives a folder back that cannot be read: it names
// the folder around it that keeps everybody out, where there is one.
func permit(dir string) string {
	var denied *fs.PathError
	if _, err := filepath.EvalSymlinks(dir); errors.As(err, &denied) && errors.Is(err, fs.ErrPermission) {
		dir = filepath.Dir(denied.Path)
	}
	return fmt.Sprintf("chmod u+rwx %q", dir)
}

// blockedError marks an error that is about rights, not absence.
type blockedError struct {
	error
	fix string // a command; "" where Options.May refused it
}

func (e *blockedError) Unwrap() []error {
	if e.fix == "" {
		return []error{e.error}
	}
	return []error{e.error, fs.ErrPermission}
}
