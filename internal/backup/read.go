package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"filippo.io/age"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// maxSmall is the most that the sealed key or the list of contents may have, in
// bytes: some millions of audio files.
const maxSmall = 1 << 30

// audioName is a name that a spool gives.
var audioName = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,128}$`)

// Backup is one that was read whole.
type Backup struct {
	Contents
	sealed []byte
}

// HasKey reports whether the master key is in it.
func (b *Backup) HasKey() bool { return b.sealed != nil }

// Key opens the master key. The error is api.Invalid for a wrong passphrase.
func (b *Backup) Key(passphrase string) ([]byte, error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the passphrase cannot be used: %v", err)
	}
	r, err := age.Decrypt(bytes.NewReader(b.sealed), id)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, api.Errorf(api.Invalid, "that is not the passphrase of this backup")
	}
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the master key in the backup cannot be read: %v", err)
	}
	return io.ReadAll(r)
}

// Extract reads a backup and writes its database and audio into the folder dir,
// durably. The error is api.Invalid, and says why, for what is no backup, is not
// whole, or is not as it was written.
func Extract(ctx context.Context, r io.Reader, dir string) (*Backup, error) {
	return read(ctx, r, func(name string, from io.Reader) error { return keep(dir, name, from) })
}

// ExtractDatabase is Extract that writes the database alone. The rest is read,
// and held to the list, all the same.
func ExtractDatabase(ctx context.Context, r io.Reader, dir string) (*Backup, error) {
	return read(ctx, r, func(name string, from io.Reader) error {
		if name != DatabaseName {
			_, err := io.Copy(io.Discard, from)
			return err
		}
		return keep(dir, name, from)
	})
}

// keep writes a file of a backup below dir.
func keep(dir, name string, from io.Reader) error {
	to := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return fsx.WriteFileFrom(to, 0o600, func(w io.Writer) error { _, err := io.Copy(w, from); return err })
}

// read hands the files of a backup to keep as they come, and compares them with
// the list at the end.
func read(ctx context.Context, r io.Reader, keep func(name string, from io.Reader) error) (*Backup, error) {
	b := &Backup{}
	var found []File
	seen := map[string]bool{}
	tr := tar.NewReader(fsx.Reader(ctx, r))
	for list := []byte(nil); ; {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF) && list != nil:
			if err := b.compare(list, found); err != nil {
				return nil, err
			}
			return b, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, api.Errorf(api.Invalid, "the backup is not whole: it ends before its list of contents; use another")
		case errors.Is(err, tar.ErrHeader):
			return nil, api.Errorf(api.Invalid, "this is not a backup of voxparse, or it is damaged: %v", err)
		case err != nil:
			return nil, err
		case list != nil:
			return nil, notAsWritten("there is something behind its list of contents")
		}
		if h.Typeflag != tar.TypeReg || !known(h.Name) || seen[h.Name] {
			return nil, api.Errorf(api.Invalid, "this is not a backup of voxparse: it has %q in it", h.Name)
		}
		seen[h.Name] = true
		sum := sha256.New()
		body := io.TeeReader(tr, sum)
		switch {
		case h.Name == contentsName, h.Name == keyName:
			if h.Size > maxSmall {
				return nil, notAsWritten(h.Name + " is too large")
			}
			data, err := io.ReadAll(body)
			if err != nil {
				return nil, cut(err)
			}
			if h.Name == contentsName {
				list = data
				continue
			}
			b.sealed = data
		default:
			if err := keep(h.Name, body); err != nil {
				return nil, cut(err)
			}
		}
		found = append(found, File{h.Name, h.Size, hex.EncodeToString(sum.Sum(nil))})
	}
}

// known reports whether a backup may have a file of that name.
func known(name string) bool {
	folder, base := path.Split(name)
	return name == DatabaseName || name == keyName || name == contentsName || folder == AudioDir+"/" && audioName.MatchString(base)
}

// compare holds what was found to the list of contents.
func (b *Backup) compare(list []byte, found []File) error {
	if err := json.Unmarshal(list, &b.Contents); err != nil {
		return notAsWritten("its list of contents cannot be read")
	}
	if b.Format > format {
		return api.Errorf(api.Invalid, "the backup was made by voxparse %s, in a form that this version does not know; use that version or a newer one", b.Version)
	}
	if len(found) == 0 || found[0].Name != DatabaseName {
		return notAsWritten("it has no database")
	}
	if len(found) != len(b.Files) {
		return notAsWritten(fmt.Sprintf("it has %d files, and its list %d", len(found), len(b.Files)))
	}
	for i, f := range found {
		if f != b.Files[i] {
			return notAsWritten(f.Name + " is not as it was")
		}
	}
	return nil
}

func notAsWritten(why string) error {
	return api.Errorf(api.Invalid, "the backup is damaged: %s; use another", why)
}

// cut words the end of a file in the middle.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return api.Errorf(api.Invalid, "the backup is not whole: it ends in the middle of a file; use another")
	}
	return err
}
