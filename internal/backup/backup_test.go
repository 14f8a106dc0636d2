package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/backup"
)

const secret = "correct horse"

// source is a database of some bytes, and an audio file beside one that is gone.
func source(t *testing.T, key string) backup.Source {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a1"), []byte("audio"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := backup.Source{
		Version: "1.2.3",
		Database: func(_ context.Context, begin func(int64) (io.Writer, error)) error {
			w, err := begin(8)
			if err == nil {
				_, err = io.WriteString(w, "database")
			}
			return err
		},
		Audio: func() ([]string, error) { return []string{"a1", "gone"}, nil },
		Open:  func(name string) (*os.File, error) { return os.Open(filepath.Join(dir, name)) },
	}
	if key != "" {
		src.Passphrase, src.Key = secret, func() ([]byte, error) { return []byte(key), nil }
	}
	return src
}

func write(t *testing.T, src backup.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := backup.Write(t.Context(), &b, src); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBackup_comesBackAsItWas(t *testing.T) {
	data := write(t, source(t, "the key"))
	if bytes.Contains(data, []byte("the key")) {
		t.Error("the key stands in the backup as it is")
	}
	dir := t.TempDir()
	b, err := backup.Extract(t.Context(), bytes.NewReader(data), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"voxparse.db": "database", "spool/a1": "audio"} {
		path := filepath.Join(dir, name)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v, want 0600", name, st.Mode(), err)
		}
	}
	if b.Version != "1.2.3" || b.CreatedAt.IsZero() || len(b.Files) != 3 || !b.HasKey() {
		t.Errorf("got %+v, want the version, a time, and three files with the key", b.Contents)
	}
	if key, err := b.Key(secret); err != nil || string(key) != "the key" {
		t.Errorf("got %q, %v, want the key", key, err)
	}
	if _, err := b.Key("wrong"); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v for a wrong passphrase, want %v", err, api.Invalid)
	}
	if _, err := b.Key(""); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v for an empty passphrase, want %v", err, api.Invalid)
	}
}

func TestBackup_ofTheDatabaseAlone(t *testing.T) {
	dir := t.TempDir()
	b, err := backup.ExtractDatabase(t.Context(), bytes.NewReader(write(t, source(t, ""))), dir)
	if err != nil || b.HasKey() {
		t.Fatalf("got key %v, %v, want none", b.HasKey(), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("got %v, %v, want the database alone", names, err)
	}
}

// TestBackup_cutAnywhereIsNotWhole cuts a backup at every block and in between.
func TestBackup_cutAnywhereIsNotWhole(t *testing.T) {
	data := write(t, source(t, ""))
	whole := len(data)
	for whole > 0 && data[whole-1] == 0 { // the end mark of a tar file is zeros
		whole--
	}
	for n := 0; n < whole; n += 256 {
		if _, err := backup.Extract(t.Context(), bytes.NewReader(data[:n]), t.TempDir()); !errors.Is(err, api.Invalid) {
			t.Errorf("cut at %d of %d: got %v, want %v", n, len(data), err, api.Invalid)
		}
	}
}

// TestBackup_aFlippedBitIsFound flips a bit of every byte that says something.
func TestBackup_aFlippedBitIsFound(t *testing.T) {
	data := write(t, source(t, ""))
	want, err := backup.Extract(t.Context(), bytes.NewReader(data), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		if data[i] == 0 {
			continue // padding, which says nothing
		}
		bad := bytes.Clone(data)
		bad[i] ^= 1
		b, err := backup.Extract(t.Context(), bytes.NewReader(bad), t.TempDir())
		if err == nil && (len(b.Files) != len(want.Files) || b.Files[0] != want.Files[0] || b.Files[1] != want.Files[1]) {
			t.Errorf("byte %d: got %+v and no error", i, b.Files)
		}
	}
}

func TestBackup_strangeFilesAreRefused(t *testing.T) {
	for _, name := range []string{"../evil", "/etc/passwd", "spool/../../evil", "spool/a/b", "other", "spool/.hidden", strings.Repeat("x", 300)} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if _, err := backup.Extract(t.Context(), &b, dir); !errors.Is(err, api.Invalid) {
			t.Errorf("%s: got %v, want %v", name, err, api.Invalid)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
			t.Errorf("%s: got %v, %v, want nothing written", name, names, err)
		}
	}
	for name, list := range map[string]string{
		"of a newer form": `{"format":2,"version":"9","files":[{"name":"voxparse.db","size":1,"sha256":""}]}`,
		"of other files":  `{"format":1,"files":[{"name":"voxparse.db","size":1,"sha256":"00"}]}`,
		"without files":   `{"format":1}`,
		"of no JSON":      `no JSON`,
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, f := range [][2]string{{"voxparse.db", "x"}, {"contents.json", list}} {
			if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o600, Size: int64(len(f[1]))}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, f[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Extract(t.Context(), &b, t.TempDir()); !errors.Is(err, api.Invalid) {
			t.Errorf("a list %s: got %v, want %v", name, err, api.Invalid)
		}
	}
}

func TestWrite_aFaultOfTheSourceIsItsError(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, change := range map[string]func(*backup.Source){
		"database": func(s *backup.Source) {
			s.Database = func(context.Context, func(int64) (io.Writer, error)) error { return broken }
		},
		"audio list": func(s *backup.Source) { s.Audio = func() ([]string, error) { return nil, broken } },
		"audio":      func(s *backup.Source) { s.Open = func(string) (*os.File, error) { return nil, broken } },
		"key":        func(s *backup.Source) { s.Key = func() ([]byte, error) { return nil, broken } },
	} {
		src := source(t, "")
		change(&src)
		if err := backup.Write(t.Context(), io.Discard, src); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", name, err, broken)
		}
	}
}
