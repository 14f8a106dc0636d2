package boltfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/internal/boltfile"
)

// made writes a file with buckets of several sizes, and returns it with what is
// in it. With freelist it lists its free pages.
func made(t *testing.T, freelist bool) (path string, want map[string]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoFreelistSync: !freelist, PageSize: 4096, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]string{}
	for round := range 3 {
		err := db.Update(func(tx *bolt.Tx) error {
			for name, n := range map[string]int{"empty": 0, "small": 3, "large": 900, "wide": 5} {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil {
					return err
				}
				for i := range n {
					k, v := fmt.Sprintf("%06d", i*7), fmt.Sprintf("%d in round %d", i, round)
					if name == "wide" {
						v += string(make([]byte, 9000))
					}
					if err := b.Put([]byte(k), []byte(v)); err != nil {
						return err
					}
					want[name+"/"+k] = v
				}
				if err := b.SetSequence(uint64(n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, want
}

// found walks over a file.
func found(t *testing.T, path string, v boltfile.Visitor) (map[string]string, error) {
	t.Helper()
	f, err := boltfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	got := map[string]string{}
	v.Entry = func(bucket string, key, value []byte) error {
		got[bucket+"/"+string(key)] = string(value)
		return nil
	}
	return got, f.Walk(t.Context(), v)
}

func TestWalk_findsWhatBboltWrote(t *testing.T) {
	for _, freelist := range []bool{true, false} {
		path, want := made(t, freelist)
		sequences := map[string]uint64{}
		got, err := found(t, path, boltfile.Visitor{Bucket: func(name string, n uint64) error { sequences[name] = n; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("got %d entries, want %d", len(got), len(want))
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: got %q, want %q", k, got[k], v)
			}
		}
		if fmt.Sprint(sequences) != "map[empty:0 large:900 small:3 wide:5]" {
			t.Errorf("sequences: got %v", sequences)
		}
		if only, err := found(t, path, boltfile.Visitor{Only: "small"}); err != nil || len(only) != 3 {
			t.Errorf("one bucket: got %d entries, error %v, want 3", len(only), err)
		}
		if _, err := check(t, path); err != nil {
			t.Errorf("check: %v", err)
		}
	}
}

func check(t *testing.T, path string) (fallback bool, err error) {
	t.Helper()
	f, err := boltfile.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return f.Fallback, f.Check(t.Context())
}

func TestOpen_saysWhatIsWrong(t *testing.T) {
	path, _ := made(t, true)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func([]byte) []byte
		want  string
	}{
		{"empty", func([]byte) []byte { return nil }, "it is no database, or both of its first pages are damaged"},
		{"text", func([]byte) []byte { return bytes.Repeat([]byte("hello "), 9000) }, "it is no database, or both of its first pages are damaged"},
		{"half", func(b []byte) []byte { return b[:pages(whole)*2048] }, fmt.Sprintf("it was cut short: it has %d of %d bytes", pages(whole)*2048, pages(whole)*4096)},
	} {
		if err := os.WriteFile(path, tt.spoil(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := boltfile.Open(path)
		if !errors.Is(err, boltfile.ErrDamaged) || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
		if err == nil {
			f.Close()
		}
	}
	spoiled := bytes.Clone(whole)
	spoiled[20]++
	if err := os.WriteFile(path, spoiled, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := boltfile.Open(path)
	if err != nil || !f.Fallback {
		t.Fatalf("one meta page damaged: got %+v, error %v, want the other one", f, err)
	}
	f.Close()
}

// pages is how many pages the newer meta page says that there are.
func pages(b []byte) int {
	at := 0
	if binary.NativeEndian.Uint64(b[16+48:]) < binary.NativeEndian.Uint64(b[4096+16+48:]) {
		at = 4096
	}
	return int(binary.NativeEndian.Uint64(b[at+16+40:]))
}

// A file that passes can be read whole by bbolt, and has what it had; whatever
// is done to it, nothing panics.
func TestCheck_passesOnlyWhatBboltCanRead(t *testing.T) {
	for _, freelist := range []bool{true, false} {
		path, want := made(t, freelist)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		passed := 0
		for n := range 600 {
			if err := os.WriteFile(path, harm(rng, bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := found(t, path, boltfile.Visitor{Damaged: func(string, error) {}}); err != nil && !errors.Is(err, boltfile.ErrDamaged) {
				t.Fatalf("image %d: walk: %v", n, err)
			}
			fallback, err := check(t, path)
			if err != nil {
				if !errors.Is(err, boltfile.ErrDamaged) {
					t.Fatalf("image %d: got %v, want that it is damaged", n, err)
				}
				continue
			}
			passed++
			readsWhole(t, path, want, fallback)
			if t.Failed() {
				t.Fatalf("that was image %d, freelist %v", n, freelist)
			}
		}
		if passed == 0 || passed == 600 {
			t.Errorf("got %d of 600 images that pass, want some", passed)
		}
	}
}

// harm flips bits of a page's head, or of anything, or exchanges two pages.
func harm(rng *rand.Rand, b []byte) []byte {
	n := len(b) / 4096
	switch rng.IntN(3) {
	case 0:
		at := 4096*rng.IntN(n) + rng.IntN(64)
		b[at] ^= 1 << rng.IntN(8)
	case 1:
		b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
	default:
		x, y := 4096*rng.IntN(n), 4096*rng.IntN(n)
		p := bytes.Clone(b[x : x+4096])
		copy(b[x:x+4096], b[y:])
		copy(b[y:y+4096], p)
	}
	return b
}

// readsWhole opens a file with bbolt, which checks it and reads all of it.
func readsWhole(t *testing.T, path string, want map[string]string, fallback bool) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			if !fallback { // bbolt panics over the head of a meta page that it does not use
				t.Errorf("bbolt's own check: %v", err)
			}
		}
		n := 0
		err := tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			return b.ForEach(func(_, _ []byte) error { n++; return nil })
		})
		if n != len(want) {
			t.Errorf("got %d entries, want %d", n, len(want))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
