package spool

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store"
)

// Blobs keeps the audio of jobs as files of one folder.
type Blobs struct {
	dir        string
	quarantine string
	names      syncer

	holdMu sync.Mutex
	holds  int
	doomed []string // removed while something holds
}

var _ store.BlobStore = (*Blobs)(nil)

// blobBuffer is how much is hashed and written at a time, in bytes.
const blobBuffer = 64 << 10

var blobBuffers sync.Pool // of *bufio.Writer

// Open returns the blobs in dir, which it makes where it does not exist. What no
// job is known to need is set aside in the folder quarantine.
func Open(dir, quarantine string) (*Blobs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make blob folder: %w", err)
	}
	return &Blobs{dir: dir, quarantine: quarantine, names: syncer{dir: dir}}, nil
}

// Put stores all of r, and returns once it is durable under its name. With a
// limit above 0, more bytes than that give api.TooLarge. A disk that is full or
// cannot be written to gives api.Unavailable. On an error nothing is left behind.
// After a crash, part of it may be: nothing refers to that, and Quarantine
// sets it aside: it cannot be told from audio whose job is not known.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (blob store.Blob, err error) {
	name := store.NewUID(time.Now()) // grows with time, so that the jobs of one commit share a page of the index
	blob.Name = hex.EncodeToString(name[:])
	f, err := os.OpenFile(b.Path(blob.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return store.Blob{}, fmt.Errorf("store blob: %w", diskTrouble(err))
	}
	named := b.names.begin() // meanwhile the content arrives
	h := sha256.New()
	blob.Size, err = copyLimited(ctx, io.MultiWriter(f, h), r, limit)
	if err == nil {
		err = f.Sync()
	}
	dropPages(f)
	if err = errors.Join(err, f.Close()); err == nil {
		err = named.wait()
	}
	if err != nil {
		return store.Blob{}, fmt.Errorf("store blob: %w", errors.Join(diskTrouble(err), b.Remove(blob.Name)))
	}
	blob.SHA256 = hex.EncodeToString(h.Sum(nil))
	return blob, nil
}

func copyLimited(ctx context.Context, w io.Writer, r io.Reader, limit int64) (int64, error) {
	if limit > 0 {
		r = io.LimitReader(r, limit+1)
	}
	buf, ok := blobBuffers.Get().(*bufio.Writer)
	if !ok {
		buf = bufio.NewWriterSize(nil, blobBuffer)
	}
	buf.Reset(fsx.Writer(ctx, w))
	defer func() {
		buf.Reset(nil)
		blobBuffers.Put(buf)
	}()
	n, err := buf.ReadFrom(r)
	if err == nil {
		err = buf.Flush()
	}
	if err == nil && limit > 0 && n > limit {
		err = api.Errorf(api.TooLarge, "the file is over the limit of %d bytes", limit)
	}
	return n, err
}

// diskTrouble gives an error of our own disk its code and its fix. Errors of
// whoever sends the audio stay as they are.
func diskTrouble(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	default:
		return err
	}
	say := "the audio cannot be stored: " + err.Error() + "; see: voxparse doctor"
	switch {
	case fsx.IsFull(err):
		say = "no space left for the audio: free some on the disk of the data folder"
	case fsx.IsReadOnly(err):
		say = "the disk of the data folder is read-only: make it writable again"
	case errors.Is(err, fs.ErrPermission):
		say = "the folder of the audio cannot be written to: permission denied; see: voxparse doctor"
	}
	return &api.Error{Code: api.Unavailable, Message: say, RetryAfter: diskRetry}
}

// diskRetry is when whoever was refused for the disk's sake may try again.
const diskRetry = time.Minute

// Path returns the path of the blob's file.
func (b *Blobs) Path(name string) string { return filepath.Join(b.dir, filepath.Base(name)) }

// Open opens a blob for reading; the error is api.NotFound where it is gone, and
// api.Unavailable where it cannot be read. The caller closes it.
func (b *Blobs) Open(name string) (*os.File, error) {
	f, err := os.Open(b.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.NotFound, "the audio %s is gone", name)
	}
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "the audio cannot be read: %v; see: voxparse doctor", errors.Unwrap(err))
	}
	return f, nil
}

// Names lists the blobs, those that are being written among them.
func (b *Blobs) Names() ([]string, error) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Hold keeps what is removed from now on until release is called, so that a
// backup has the audio of every job that was open when it began.
func (b *Blobs) Hold() (release func()) {
	b.holdMu.Lock()
	defer b.holdMu.Unlock()
	b.holds++
	return sync.OnceFunc(func() {
		b.holdMu.Lock()
		b.holds--
		var doomed []string
		if b.holds == 0 {
			doomed, b.doomed = b.doomed, nil
		}
		b.holdMu.Unlock()
		for _, name := range doomed {
			_ = b.Remove(name) // what stays is without a job, and set aside some day
		}
	})
}

// held notes a blob that is to be removed once nothing holds it, and reports
// whether something does.
func (b *Blobs) held(name string) bool {
	b.holdMu.Lock()
	defer b.holdMu.Unlock()
	if b.holds > 0 {
		b.doomed = append(b.doomed, name)
	}
	return b.holds > 0
}

// Remove deletes a blob, once nothing holds it. One that is gone already is no
// error.
func (b *Blobs) Remove(name string) error {
	if b.held(name) {
		return nil
	}
	if err := os.Remove(b.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove blob: %w", err)
	}
	return nil
}
