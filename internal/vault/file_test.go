package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestOpen_refusesAKeyFileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	dir := t.TempDir()
	if _, err := Open(dir, Options{NoKeyring: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(dir, keyFile), 65534, 65534); err != nil {
		t.Skipf("give the file to another user: %v", err)
	}
	_, err := Open(dir, Options{NoKeyring: true})
	if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("got %v, want api.Unavailable that names the owner", err)
	}
}

func TestOpen_refusesAKeyFileThatIsNoKeyFile(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a folder":    func(path string) error { return os.Mkdir(path, 0o700) },
		"much larger": func(path string) error { return os.WriteFile(path, make([]byte, 1<<20+1), 0o600) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, keyFile)
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{NoKeyring: true}); !errors.Is(err, api.Unavailable) {
			t.Errorf("%s: got %v, want api.Unavailable", name, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: got %v, want it left alone", name, err)
		}
	}
}

func TestOpenKeys_damagedFileSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, apiKeysFile)
	if err := os.WriteFile(path, []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(dir); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "restore it from a backup") {
		t.Errorf("got %v, want api.Unavailable that says what to do", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(dir); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: got %v, want api.Unavailable that says what to do", err)
	}
}

func TestKeysAdd_inAFolderThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	keys, err := OpenKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := keys.Add("phone system"); err == nil || !strings.HasPrefix(err.Error(), "lock API keys: ") {
		t.Errorf("got %v, want the lock to fail", err)
	}
}

func TestQuote_isSafeForAShell(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/home/me/vault.key", "/home/me/vault.key"},
		{"/home/my files/k", "'/home/my files/k'"},
		{"/it's/$(x)", `'/it'\''s/$(x)'`},
		{"/größe", "'/größe'"},
	} {
		if got := quote(c.path); got != c.want {
			t.Errorf("quote(%s): got %s, want %s", c.path, got, c.want)
		}
	}
}

func FuzzDecodeKeys(f *testing.F) {
	keys, err := newKeySet()
	if err != nil {
		f.Fatal(err)
	}
	good, err := keys.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":1,"keys":[]}`))
	f.Add([]byte(`{"format":9}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := decodeKeys(b)
		if err != nil {
			return
		}
		again, err := keys.encode()
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		back, err := decodeKeys(again)
		if err != nil || back.current().ID != keys.current().ID || !bytes.Equal(back.current().Key, keys.current().Key) {
			t.Errorf("got another key back (%v), want the same", err)
		}
	})
}
