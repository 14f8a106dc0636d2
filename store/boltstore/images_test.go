package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/boltfile"
	"github.com/voxparse/voxparse/store"
)

// imagesEnv asks for another number of damaged images than the usual one.
const imagesEnv = "VOXPARSE_DAMAGE_IMAGES"

const usualImages = 150

// image is a database as a daemon left it.
type image struct {
	name  string
	open  bool // its marker is there
	bytes []byte
}

// images are the file of a store that was closed, and of one that was killed.
func images(t *testing.T) []image {
	t.Helper()
	db, _ := filled(t, t.TempDir())
	killed := image{"killed", true, used(t, db.path)}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return []image{{"closed", false, used(t, db.path)}, killed}
}

// used are the pages of a file that have been used; bbolt makes it larger.
func used(t *testing.T, path string) []byte {
	t.Helper()
	f, err := boltfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return readFile(t, path)[:int64(f.Pages)*f.PageSize]
}

// spoil damages an image as disks, cables and copies do.
func spoil(rng *rand.Rand, b []byte) ([]byte, string) {
	page := os.Getpagesize()
	n := len(b) / page
	at := func() []byte { i := rng.IntN(n) * page; return b[i : i+page] }
	switch rng.IntN(7) {
	case 0:
		p := rng.IntN(len(b))
		b[p] ^= 1 << rng.IntN(8)
		return b, fmt.Sprintf("bit of byte %d flipped", p)
	case 1: // where the layout of a page stands
		p := at()
		p[rng.IntN(64)] ^= 1 << rng.IntN(8)
		return b, "bit in the head of a page flipped"
	case 2:
		x, y := at(), at()
		keep := bytes.Clone(x)
		copy(x, y)
		copy(y, keep)
		return b, "two pages exchanged"
	case 3:
		clear(at())
		return b, "a page is zeros"
	case 4: // only some sectors were written
		x, y := at(), at()
		half := 512 * (1 + rng.IntN(page/512-1))
		copy(x[half:], y[half:])
		return b, "a page is torn"
	case 5:
		end := rng.IntN(len(b))
		return b[:end], fmt.Sprintf("cut to %d bytes", end)
	default:
		copy(at(), at())
		return b, "a page is another's copy"
	}
}

// TestImages_endInWordsOrARightAnswer damages databases, and opens, lists and
// repairs each. VOXPARSE_DAMAGE_IMAGES=3000 makes more of them.
func TestImages_endInWordsOrARightAnswer(t *testing.T) {
	count := usualImages
	if s := os.Getenv(imagesEnv); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	bases := images(t)
	got := map[string]int{}
	for n := range count {
		base := bases[n%len(bases)]
		rng := rand.New(rand.NewPCG(uint64(n), 7))
		b, what := spoil(rng, bytes.Clone(base.bytes))
		t.Run(fmt.Sprintf("%04d", n), func(t *testing.T) {
			got[base.name+", "+tryImage(t, base, b)]++
			if t.Failed() {
				t.Logf("of a database that was %s: %s", base.name, what)
			}
		})
	}
	t.Log(got)
}

// tryImage returns how the image ended.
func tryImage(t *testing.T, base image, b []byte) string {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if err := os.WriteFile(path, base.bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	if base.open {
		if err := markOpen(path); err != nil {
			t.Fatal(err)
		}
	} else if err := writeSum(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	opts := Config{Options: store.Options{Logger: log}, Check: func(_ context.Context, path string) error { return Check(path) }}
	db, err := Open(t.Context(), dir, opts)
	if err == nil {
		defer db.Close()
		if n := countJobs(t, db); n != 40 && !strings.Contains(said.String(), "going on from the other") {
			t.Errorf("got %d jobs of 40, %d unreadable, and not a word: %s", n, db.Unreadable(), said.String())
		}
		return "opened"
	}
	inAWord(t, "open", err)
	done, err := Repair(t.Context(), path)
	if err != nil {
		inAWord(t, "repair", err)
		return "refused"
	}
	again, err := Open(t.Context(), dir, opts)
	if err != nil {
		t.Errorf("open what was repaired: %v", err)
		return "repaired"
	}
	defer again.Close()
	if n := countJobs(t, again); n != done.Kept["job"] || n != 40 && len(done.Dropped) == 0 && !strings.Contains(said.String(), "going on from the other") {
		t.Errorf("repaired: got %d jobs of 40, kept %d, and dropped %v", n, done.Kept["job"], done.Dropped)
	}
	return "repaired"
}

// inAWord fails for an error that does not say what is wrong and what to do.
func inAWord(t *testing.T, what string, err error) {
	t.Helper()
	var said *api.Error
	if !errors.As(err, &said) || strings.Contains(err.Error(), "goroutine") || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("%s: got %v, want a sentence, and what to do", what, err)
	}
}

// countJobs lists everything, and returns how many jobs there are.
func countJobs(t *testing.T, db *DB) int {
	t.Helper()
	ctx := t.Context()
	js, err := db.JobsPage(ctx, store.JobFilter{}, 0, 100)
	if err != nil {
		t.Errorf("list jobs: %v", err)
	}
	for _, j := range js {
		if j.Status != api.Completed {
			continue
		}
		if _, err := db.Result(ctx, j.ID); err != nil {
			t.Errorf("result: %v", err)
		}
	}
	if _, err := db.EventsSince(ctx, 0, 200); err != nil {
		t.Errorf("list events: %v", err)
	}
	if _, _, err := db.Deliveries(ctx, store.DeliveryFilter{}, "", 100); err != nil {
		t.Errorf("list deliveries: %v", err)
	}
	return len(js)
}
