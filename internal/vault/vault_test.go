package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/voxparse/voxparse/api"
)

const secret = "whsec_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func open(t *testing.T, dir string) *Vault {
	t.Helper()
	v, err := Open(dir, Options{NoKeyring: true})
	if err != nil {
		t.Fatalf("open vault: %v", err)
	}
	return v
}

func seal(t *testing.T, v *Vault, plain, aad string) []byte {
	t.Helper()
	sealed, err := v.Seal([]byte(plain), aad)
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return sealed
}

func TestSeal_roundTrip(t *testing.T) {
	v := open(t, t.TempDir())
	for _, plain := range []string{secret, "", "ü\x00\xff", strings.Repeat("x", 100_000)} {
		got, err := v.Open(seal(t, v, plain, "whk_1"), "whk_1")
		if err != nil || string(got) != plain {
			t.Errorf("open %d bytes: got %d bytes, %v; want the same bytes", len(plain), len(got), err)
		}
	}
}

func TestSeal_openedByTheNextProcess(t *testing.T) {
	dir := t.TempDir()
	sealed := seal(t, open(t, dir), secret, "whk_1")
	got, err := open(t, dir).Open(sealed, "whk_1")
	if err != nil || string(got) != secret {
		t.Errorf("open after reopening: got %q, %v; want the secret", got, err)
	}
}

func TestSeal_hidesTheSecret(t *testing.T) {
	v := open(t, t.TempDir())
	seen := map[string]bool{}
	for range 500 {
		sealed := seal(t, v, secret, "whk_1")
		for n := 8; n <= len(secret); n += 8 {
			if bytes.Contains(sealed, []byte(secret[n-8:n])) {
				t.Fatalf("the sealed bytes hold %q", secret[n-8:n])
			}
		}
		if seen[string(sealed)] {
			t.Fatal("two seals of one secret are the same: the nonce is not fresh")
		}
		seen[string(sealed)] = true
	}
}

func TestSeal_boundToItsOwner(t *testing.T) {
	v := open(t, t.TempDir())
	sealed := seal(t, v, secret, "whk_1")
	for _, aad := range []string{"whk_2", "", "whk_1 ", "whk_"} {
		if got, err := v.Open(sealed, aad); !errors.Is(err, ErrTampered) || got != nil {
			t.Errorf("open with aad %q: got %q, %v; want %v", aad, got, err, ErrTampered)
		}
	}
}

func TestVaultOpen_findsTampering(t *testing.T) {
	v := open(t, t.TempDir())
	sealed := seal(t, v, secret, "whk_1")
	for i := range sealed {
		for _, bit := range []byte{1, 0x80} {
			changed := bytes.Clone(sealed)
			changed[i] ^= bit
			got, err := v.Open(changed, "whk_1")
			if err == nil || got != nil {
				t.Errorf("byte %d changed: got %q, %v; want an error", i, got, err)
			}
			if err != nil && strings.Contains(err.Error(), secret[:12]) {
				t.Errorf("byte %d changed: the error %q holds the secret", i, err)
			}
		}
	}
	for n := range sealed {
		if _, err := v.Open(sealed[:n], "whk_1"); err == nil {
			t.Errorf("cut to %d bytes: got nil, want an error", n)
		}
	}
	if _, err := v.Open(append(sealed, 0), "whk_1"); !errors.Is(err, ErrTampered) {
		t.Errorf("one byte more: got %v, want %v", err, ErrTampered)
	}
}

func TestVaultOpen_keyOfAnotherVault(t *testing.T) {
	sealed := seal(t, open(t, t.TempDir()), secret, "whk_1")
	if _, err := open(t, t.TempDir()).Open(sealed, "whk_1"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("open in another vault: got %v, want %v", err, ErrUnknownKey)
	}
}

func TestRotate_keepsOldSecretsReadable(t *testing.T) {
	dir := t.TempDir()
	v, other := open(t, dir), open(t, dir)
	old := seal(t, v, secret, "whk_1")
	if err := v.Rotate(); err != nil {
		t.Fatalf("rotate: %v", err)
	}
	fresh := seal(t, v, secret, "whk_1")
	if !v.Stale(old) || v.Stale(fresh) {
		t.Errorf("stale: got %v for the old, %v for the new; want true, false", v.Stale(old), v.Stale(fresh))
	}
	for name, sealed := range map[string][]byte{"old": old, "new": fresh} {
		if got, err := other.Open(sealed, "whk_1"); err != nil || string(got) != secret {
			t.Errorf("%s key in another process: got %q, %v; want the secret", name, got, err)
		}
	}
	if err := v.Retire(); err != nil {
		t.Fatalf("retire: %v", err)
	}
	if _, err := v.Open(old, "whk_1"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("open after retiring its key: got %v, want %v", err, ErrUnknownKey)
	}
	if got, err := open(t, dir).Open(fresh, "whk_1"); err != nil || string(got) != secret {
		t.Errorf("open with the newest key: got %q, %v; want the secret", got, err)
	}
}

func TestOpen_makesAPrivateKeyFile(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	if v.Source() != SourceFile {
		t.Errorf("source: got %q, want %q", v.Source(), SourceFile)
	}
	path := filepath.Join(dir, keyFile)
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %04o, want 0600", fi.Mode().Perm())
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: got %v, %v; want nothing", left, err)
	}
}

func TestOpen_refusesAKeyFileOpenToOthers(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o666} {
		dir := filepath.Join(t.TempDir(), "it's here")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		open(t, dir)
		path := filepath.Join(dir, keyFile)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Options{NoKeyring: true})
		if !errors.Is(err, api.Unavailable) {
			t.Errorf("mode %04o: got %v, want %v", mode, err, api.Unavailable)
			continue
		}
		want := "chmod 600 '" + strings.ReplaceAll(path, "'", `'\''`) + "'"
		if !strings.Contains(err.Error(), want) {
			t.Errorf("mode %04o: got %q, want the command %s in it", mode, err, want)
		}
	}
}

func TestOpen_damagedKeyFileIsKept(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "cut": `{"format":1,"keys":[{"id":"0011`, "no keys": `{"format":1,"keys":[]}`,
		"short key": `{"format":1,"keys":[{"id":"00112233","key":"c2hvcnQ="}]}`, "newer": `{"format":9}`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, keyFile)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{NoKeyring: true}); err == nil {
			t.Errorf("%s: got nil, want an error", name)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%s: the file became %q, %v; want it untouched", name, got, err)
		}
	}
}

func TestOpen_refusesALink(t *testing.T) {
	dir, real := t.TempDir(), t.TempDir()
	open(t, real)
	if err := os.Symlink(filepath.Join(real, keyFile), filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{NoKeyring: true}); err == nil {
		t.Error("a link: got nil, want an error")
	}
}

func TestOpen_concurrentFirstOpen(t *testing.T) {
	dir := t.TempDir()
	sealed := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range sealed {
		wg.Go(func() {
			v, err := Open(dir, Options{NoKeyring: true})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			sealed[i], err = v.Seal([]byte(secret), "whk_1")
			if err != nil {
				t.Errorf("seal: %v", err)
			}
		})
	}
	wg.Wait()
	v := open(t, dir)
	for i := range sealed {
		if got, err := v.Open(sealed[i], "whk_1"); err != nil || string(got) != secret {
			t.Errorf("vault %d: got %q, %v; want the secret", i, got, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	v, err := Open(f.TempDir(), Options{NoKeyring: true})
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := v.Seal([]byte(secret), "whk_1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, "whk_1")
	f.Add(sealed[:5], "whk_1")
	f.Add([]byte{}, "")
	f.Add([]byte{1, 0, 0, 0, 0}, "x")
	f.Fuzz(func(t *testing.T, b []byte, aad string) {
		got, err := v.Open(b, aad)
		if (err == nil) != (bytes.Equal(b, sealed) && aad == "whk_1") {
			t.Errorf("open %x for %q: got %q, %v", b, aad, got, err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	v, err := Open(b.TempDir(), Options{NoKeyring: true})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := v.Seal([]byte(secret), "whk_1"); err != nil {
			b.Fatal(err)
		}
	}
}
