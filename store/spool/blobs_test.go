package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestABlobIsWhatWasPut(t *testing.T) {
	b, err := Open(t.TempDir()+"/blobs", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	blob, err := b.Put(t.Context(), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	if blob.Size != 5 || blob.SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Errorf("blob: got %+v, want 5 bytes with the hash of hello", blob)
	}
	f, err := b.Open(blob.Name)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := f.Stat(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want that others cannot read it", st.Mode(), err)
	}
	got, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || string(got) != "hello" {
		t.Errorf("content: got %q, error %v", got, err)
	}
	for range 2 {
		if err := b.Remove(blob.Name); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if _, err := b.Open(blob.Name); !errors.Is(err, api.NotFound) {
		t.Errorf("open a removed blob: got %v, want NotFound", err)
	}
}

func TestABlobThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"too large", t.Context(), bytes.NewReader(make([]byte, 11)), api.TooLarge},
		{"broken", t.Context(), io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), broken},
		{"cancelled", ended, strings.NewReader("abc"), context.Canceled},
	} {
		if _, err := b.Put(tt.ctx, tt.r, 10); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: got %v, error %v, want nothing", left, err)
	}
}

func TestManyBlobsAtOnceAreEachWhole(t *testing.T) {
	b, err := Open(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			body := strings.Repeat(string(rune('a'+i%26)), 10_000+i*3001) // below and above what is written at a time
			blob, err := b.Put(t.Context(), strings.NewReader(body), 0)
			if err != nil {
				t.Error(err)
				return
			}
			data, err := os.ReadFile(b.Path(blob.Name))
			sum := sha256.Sum256([]byte(body))
			if err != nil || string(data) != body || blob.SHA256 != hex.EncodeToString(sum[:]) || blob.Size != int64(len(body)) {
				t.Errorf("blob %d: got %d bytes, hash %s, error %v", i, len(data), blob.SHA256, err)
			}
		})
	}
	wg.Wait()
}

// Whoever asks while a round runs needs the next one: what it wrote may have
// come too late for that which runs.
func TestASyncThatRunsIsNotShared(t *testing.T) {
	s := syncer{dir: t.TempDir()}
	s.turn.Lock() // a round runs
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			if err := s.begin().wait(); err != nil {
				t.Errorf("sync %d: %v", i, err)
			}
		})
	}
	for s.waiting() == nil {
		runtime.Gosched()
	}
	next := s.waiting()
	select {
	case <-next.done:
		t.Error("a sync ended while another one ran")
	default:
	}
	s.turn.Unlock()
	wg.Wait()
	s.dir += "/gone"
	if err := s.begin().wait(); err == nil {
		t.Error("got nil from a sync that cannot be made")
	}
}

func (s *syncer) waiting() *syncRound {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func TestQuarantine_oldOrphansOnly(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put := func(age time.Duration) string {
		blob, err := b.Put(t.Context(), strings.NewReader("x"), 0)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(b.Path(blob.Name), at, at); err != nil {
			t.Fatal(err)
		}
		return blob.Name
	}
	wanted, young := put(2*time.Hour), put(0)
	put(2 * time.Hour)
	put(3 * time.Hour)
	n, err := b.Quarantine(t.Context(), func(name string) bool { return name == wanted }, time.Hour)
	if err != nil || n != 2 {
		t.Errorf("set aside: got %d, error %v, want 2", n, err)
	}
	for _, name := range []string{wanted, young} {
		if _, err := os.Stat(b.Path(name)); err != nil {
			t.Errorf("blob that is wanted or young: %v", err)
		}
	}
}
