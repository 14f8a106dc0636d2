package httpapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/filetype"
)

// Limits on the client's pace.
const (
	readPause   = 20 * time.Second // longest silence in the middle of a body
	paceAfter   = 30 * time.Second // an upload may be as slow as it likes at first
	paceMinimum = 4 << 10          // bytes a second, on the average after that
)

// readers are buffers of one size that are used again.
type readers struct {
	size int
	pool sync.Pool
}

var (
	bodies   = readers{size: 64 << 10}
	sniffers = readers{size: filetype.HeadSize}
)

func (p *readers) get(r io.Reader) *bufio.Reader {
	b, ok := p.pool.Get().(*bufio.Reader)
	if !ok {
		b = bufio.NewReaderSize(nil, p.size)
	}
	b.Reset(r)
	return b
}

// put gives the buffer back. Nothing is read from it afterwards.
func (p *readers) put(b *bufio.Reader) {
	b.Reset(nil)
	p.pool.Put(b)
}

// bufferedBody reads a body in large pieces: the form's reader asks for small
// ones.
type bufferedBody struct {
	*bufio.Reader
	io.Closer
}

// pacedBody bounds how slowly a client may send: each read has its own
// deadline, and the whole has a floor.
type pacedBody struct {
	body  io.ReadCloser
	rc    *http.ResponseController
	began time.Time
	set   time.Time // when the deadline was last moved
	n     int64
}

// Read reads from the body, or fails when the client is too slow.
func (p *pacedBody) Read(b []byte) (int, error) {
	now := time.Now()
	if now.Sub(p.set) > time.Second {
		if err := p.rc.SetReadDeadline(now.Add(readPause)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return 0, fmt.Errorf("set a deadline: %w", err)
		}
		p.set = now
	}
	if spent := now.Sub(p.began); spent > paceAfter && float64(p.n) < spent.Seconds()*paceMinimum {
		return 0, api.Errorf(api.Invalid, "the upload is slower than %d bytes a second; it was given up", paceMinimum)
	}
	n, err := p.body.Read(b)
	p.n += int64(n)
	return n, err
}

// Close closes the body.
func (p *pacedBody) Close() error { return p.body.Close() }
