package vault

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/zalando/go-keyring"
)

// memRing is a keyring in memory that can be made to misbehave.
type memRing struct {
	mu      sync.Mutex
	secrets map[string]string
	err     error         // of every call
	lie     bool          // get gives something else
	hang    chan struct{} // calls wait for it
}

func newRing() *memRing { return &memRing{secrets: map[string]string{}} }

func (r *memRing) begin() error {
	if r.hang != nil {
		<-r.hang
	}
	return r.err
}

func (r *memRing) get(user string) (string, error) {
	if err := r.begin(); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.secrets[user]
	if !ok {
		return "", keyring.ErrNotFound
	}
	if r.lie {
		s = strings.Replace(s, `"key":"`, `"key":"AAAA`, 1)
	}
	return s, nil
}

func (r *memRing) set(user, secret string) error {
	if err := r.begin(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[user] = secret
	return nil
}

func (r *memRing) remove(user string) error {
	if err := r.begin(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.secrets, user)
	return nil
}

func TestOpen_keepsTheKeyInTheKeyring(t *testing.T) {
	t.Setenv(NoKeyringEnv, "")
	dir, r := t.TempDir(), newRing()
	v, err := Open(dir, Options{ring: r})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if v.Source() != SourceKeyring {
		t.Errorf("source: got %q, want %q", v.Source(), SourceKeyring)
	}
	if _, err := os.Stat(filepath.Join(dir, keyFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("key file: got %v, want none", err)
	}
	sealed := seal(t, v, secret, "whk_1")
	if err := v.Rotate(); err != nil {
		t.Fatalf("rotate: %v", err)
	}
	t.Setenv(NoKeyringEnv, "1") // the key is where it was made all the same
	again, err := Open(dir, Options{ring: r})
	if err != nil {
		t.Fatalf("open again: %v", err)
	}
	if got, err := again.Open(sealed, "whk_1"); err != nil || string(got) != secret {
		t.Errorf("open: got %q, %v; want the secret", got, err)
	}
	if len(r.secrets) != 1 {
		t.Errorf("entries in the keyring: got %d, want 1", len(r.secrets))
	}
}

func TestOpen_fallsBackToAFile(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for name, r := range map[string]*memRing{
		"none":  {err: errNoRing},
		"lies":  {secrets: map[string]string{}, lie: true},
		"hangs": {secrets: map[string]string{}, hang: hang},
	} {
		t.Setenv(NoKeyringEnv, "0")
		v, err := Open(t.TempDir(), Options{ring: r, Timeout: 10 * time.Millisecond})
		if err != nil {
			t.Errorf("%s: got %v, want a key file", name, err)
			continue
		}
		if v.Source() != SourceFile {
			t.Errorf("%s: source: got %q, want %q", name, v.Source(), SourceFile)
		}
		if name == "lies" && len(r.secrets) > 0 {
			t.Errorf("%s: left %d entries in the keyring, want 0", name, len(r.secrets))
		}
	}
}

func TestOpen_withoutAKeyring(t *testing.T) {
	for name, opts := range map[string]Options{"option": {NoKeyring: true}, "environment": {}} {
		t.Setenv(NoKeyringEnv, map[string]string{"environment": "1"}[name])
		r := newRing()
		opts.ring = r
		v, err := Open(t.TempDir(), opts)
		if err != nil || v.Source() != SourceFile || len(r.secrets) != 0 {
			t.Errorf("by %s: got %v, %d entries, %v; want a key file", name, v, len(r.secrets), err)
		}
	}
}

func TestOpen_lockedKeyring(t *testing.T) {
	t.Setenv(NoKeyringEnv, "")
	dir, r := t.TempDir(), newRing()
	if _, err := Open(dir, Options{ring: r}); err != nil {
		t.Fatal(err)
	}
	locked := &memRing{secrets: r.secrets, err: errors.New("prompt dismissed")}
	for _, must := range []bool{false, true} {
		if _, err := Open(dir, Options{ring: locked, MustExist: must}); !errors.Is(err, api.Unavailable) {
			t.Errorf("got %v, want %v", err, api.Unavailable)
		}
		if _, err := os.Stat(filepath.Join(dir, keyFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a key file appeared (%v); want none", err)
		}
	}
}

func TestOpen_lostKeyIsMadeAnewOnlyWhereNothingIsSealed(t *testing.T) {
	t.Setenv(NoKeyringEnv, "")
	inKeyring, inFile := t.TempDir(), t.TempDir()
	if _, err := Open(inKeyring, Options{ring: newRing()}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(inFile, Options{ring: newRing(), NoKeyring: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(inFile, keyFile)); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"keyring": inKeyring, "file": inFile} {
		emptied := newRing()
		if _, err := Open(dir, Options{ring: emptied, MustExist: true}); !errors.Is(err, ErrNoKey) {
			t.Errorf("%s: got %v, want %v", name, err, ErrNoKey)
		}
		if _, err := os.Stat(filepath.Join(dir, keyFile)); !errors.Is(err, os.ErrNotExist) || len(emptied.secrets) != 0 {
			t.Errorf("%s: got a key made (%v, %d in the keyring), want none", name, err, len(emptied.secrets))
		}
		v, err := Open(dir, Options{ring: emptied})
		if err != nil {
			t.Errorf("%s: got %v where nothing is sealed, want a new key", name, err)
			continue
		}
		sealed := seal(t, v, secret, "whk_1")
		again, err := Open(dir, Options{ring: emptied, MustExist: true})
		if err != nil {
			t.Errorf("%s: got %v, want the new key found again", name, err)
			continue
		}
		if lost, err := again.Lost(sealed); lost || err != nil {
			t.Errorf("%s: got lost %v, %v of what was sealed, want that it can be opened", name, lost, err)
		}
		other := seal(t, open(t, t.TempDir()), secret, "whk_1")
		for _, unknown := range [][]byte{other, nil, []byte("short")} {
			if lost, err := again.Lost(unknown); !lost || err != nil {
				t.Errorf("%s: got lost %v, %v of what another key sealed, want it lost", name, lost, err)
			}
		}
	}
}

func TestOSRing_callsTheLibrary(t *testing.T) {
	keyring.MockInit()
	t.Setenv(NoKeyringEnv, "")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	dir := t.TempDir()
	v, err := Open(dir, Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if v.Source() != SourceKeyring {
		t.Errorf("source: got %q, want %q", v.Source(), SourceKeyring)
	}
	user, err := os.ReadFile(filepath.Join(dir, ringFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Get(service, strings.TrimSpace(string(user))); err != nil {
		t.Errorf("entry of the keyring: got %v, want it there", err)
	}
}

func TestOSRing_withoutASession(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if session() {
		t.Skip("this user has a session")
	}
	_, err := osRing{}.get("key")
	for call, err := range map[string]error{"get": err, "set": osRing{}.set("key", "secret"), "remove": osRing{}.remove("key")} {
		if !errors.Is(err, errNoRing) {
			t.Errorf("%s: got %v, want %v", call, err, errNoRing)
		}
	}
}
