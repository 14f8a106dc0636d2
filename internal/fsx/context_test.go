package fsx_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/fsx"
)

func TestWriter_endsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var got strings.Builder
	w := fsx.Writer(ctx, &got)
	if n, err := w.Write([]byte("ab")); n != 2 || err != nil {
		t.Errorf("write: got %d, error %v, want 2", n, err)
	}
	cancel()
	if n, err := w.Write([]byte("cd")); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("write after the end: got %d, error %v, want 0 and Canceled", n, err)
	}
	if got.String() != "ab" {
		t.Errorf("written: got %q, want ab", got.String())
	}
}

func TestReader_endsWithTheContext(t *testing.T) {
	why := errors.New("the user gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := fsx.Reader(ctx, strings.NewReader("abcd"))
	if got, err := io.ReadAll(io.LimitReader(r, 2)); string(got) != "ab" || err != nil {
		t.Errorf("read: got %q, error %v, want ab", got, err)
	}
	cancel(why)
	if got, err := io.ReadAll(r); len(got) > 0 || !errors.Is(err, why) {
		t.Errorf("read after the end: got %q, error %v, want %v", got, err, why)
	}
}
