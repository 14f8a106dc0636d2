package httpx

import (
	"errors"
	"io"
	"net/http"
)

// ErrTooLong is a body that is longer than its limit.
var ErrTooLong = errors.New("the body is too long")

// ReadBody reads all of r, which has at most limit bytes. Of a longer one it
// returns the first limit bytes and ErrTooLong. With any other error it returns
// what came before it.
func ReadBody(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(data)) > limit {
		return data[:limit], ErrTooLong
	}
	return data, err
}

// drainLimit is how much of an unwanted body is read so that its connection can
// be used again, in bytes: past that a new connection costs less.
const drainLimit = 1 << 20

// Drain reads what is left of a body that nobody wants, up to 1 MiB. The caller
// closes it.
func Drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, io.LimitReader(r, drainLimit))
	return err
}

// NoRedirect is for http.Client.CheckRedirect: the answer that redirects is
// returned as it is, so that a key or a file never travels to another host.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
