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
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"filippo.io/age"

	"github.com/voxparse/voxparse/internal/fsx"
)

// The names of what is in a backup; audio is in a folder.
const (
	DatabaseName = "voxparse.db"
	AudioDir     = "spool"
	keyName      = "vault.key.age"
	contentsName = "contents.json"
)

// format is the newest form of a backup.
const format = 1

// Contents is the list at the end of a backup.
type Contents struct {
	Format    int       `json:"format"`
	Version   string    `json:"version"` // of the program that made it
	CreatedAt time.Time `json:"created_at"`
	Files     []File    `json:"files"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hex
}

// Source is what a backup is made from.
type Source struct {
	Version string

	// Database calls begin with the size of the database as it is at one moment,
	// in bytes, and writes it to what begin returns.
	Database func(ctx context.Context, begin func(size int64) (io.Writer, error)) error

	// Audio lists the audio as it is at that moment; none of it may be removed
	// before Write returns. Open opens one.
	Audio func() (names []string, err error)
	Open  func(name string) (*os.File, error)

	// Key returns the master key, which is sealed with Passphrase. nil: it is left
	// out.
	Key        func() ([]byte, error)
	Passphrase string
}

// Write writes a backup to w. After an error what was written is not whole.
func Write(ctx context.Context, w io.Writer, src Source) error {
	x := &writer{tar: tar.NewWriter(fsx.Writer(ctx, w)), Contents: Contents{Format: format, Version: src.Version, CreatedAt: time.Now().UTC()}}
	var audio []string
	err := src.Database(ctx, func(size int64) (io.Writer, error) {
		var err error
		if audio, err = src.Audio(); err != nil {
			return nil, err
		}
		return x.begin(DatabaseName, size)
	})
	if err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	x.end()
	for _, name := range audio {
		if err := x.audio(src, name); err != nil {
			return fmt.Errorf("back up the audio %s: %w", name, err)
		}
	}
	if src.Key != nil {
		if err := x.key(src); err != nil {
			return fmt.Errorf("back up the master key: %w", err)
		}
	}
	list, err := json.Marshal(x.Contents)
	if err != nil {
		return err
	}
	return errors.Join(x.whole(contentsName, list), x.tar.Close())
}

// writer writes the files of a backup one after another.
type writer struct {
	Contents
	tar *tar.Writer
	sum hash.Hash
}

// begin begins a file of size bytes, and returns what takes them.
func (x *writer) begin(name string, size int64) (io.Writer, error) {
	h := &tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: x.CreatedAt, Format: tar.FormatPAX}
	if err := x.tar.WriteHeader(h); err != nil {
		return nil, err
	}
	x.sum = sha256.New()
	x.Files = append(x.Files, File{Name: name, Size: size})
	return io.MultiWriter(x.tar, x.sum), nil
}

// end notes the sum of the file that was written.
func (x *writer) end() { x.Files[len(x.Files)-1].SHA256 = hex.EncodeToString(x.sum.Sum(nil)) }

// audio writes one audio file as far as it reaches now: an upload may go on.
func (x *writer) audio(src Source, name string) error {
	f, err := src.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an upload that broke off
	}
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	w, err := x.begin(AudioDir+"/"+name, st.Size())
	if err == nil {
		_, err = io.CopyN(w, f, st.Size())
	}
	x.end()
	return err
}

// key seals the master key.
func (x *writer) key(src Source) error {
	key, err := src.Key()
	if err != nil {
		return err
	}
	to, err := age.NewScryptRecipient(src.Passphrase)
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		return err
	}
	if _, err := w.Write(key); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return x.whole(keyName, sealed.Bytes())
}

func (x *writer) whole(name string, data []byte) error {
	w, err := x.begin(name, int64(len(data)))
	if err == nil {
		_, err = w.Write(data)
	}
	x.end()
	return err
}
