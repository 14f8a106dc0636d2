package vault

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/zalando/go-keyring"
)

// service is the name under which the keyring shows our keys.
const service = "voxparse"

// ringFile is the file in the data folder that says under which name the
// master key is in the keyring. It holds no secret.
const ringFile = "vault.keyring"

// ring is a keyring.
type ring interface {
	get(user string) (string, error)
	set(user, secret string) error
	remove(user string) error
}

// errNoRing is a machine or session without a keyring.
var errNoRing = errors.New("this session has no keyring")

// osRing is the keyring of the desktop.
type osRing struct{}

func (osRing) get(user string) (string, error) {
	if !session() {
		return "", errNoRing
	}
	return keyring.Get(service, user)
}

func (osRing) set(user, secret string) error {
	if !session() {
		return errNoRing
	}
	return keyring.Set(service, user, secret)
}

func (osRing) remove(user string) error {
	if !session() {
		return errNoRing
	}
	return keyring.Delete(service, user)
}

// session reports whether there is a session bus to talk to. Without one the
// library would start one.
func session() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join("/run/user", fmt.Sprint(os.Getuid()), "bus"))
	return err == nil
}

// keyringStore keeps the master keys in a keyring, as one entry.
type keyringStore struct {
	ring    ring
	user    string // the entry's name
	timeout time.Duration
}

func (p keyringStore) source() string { return SourceKeyring }

func (p keyringStore) load() (*keySet, error) {
	var s string
	err := p.within(func() (err error) { s, err = p.ring.get(p.user); return err })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, fmt.Errorf("%w: the keyring has no entry %q of %s any more", ErrNoKey, p.user, service)
	}
	if err != nil {
		return nil, unavailable("the master key is in the keyring, which does not answer (%v): log in and unlock it", err)
	}
	return decodeKeys([]byte(s))
}

func (p keyringStore) save(keys *keySet) error {
	b, err := keys.encode()
	if err != nil {
		return err
	}
	return p.within(func() error { return p.ring.set(p.user, string(b)) })
}

// within runs call for the timeout at most. A call that hangs, as one that
// waits for a person to type a password, is left behind: nothing can end it.
func (p keyringStore) within(call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("no answer within %s", p.timeout)
	}
}

// findKeyring returns the keyring entry that ringFile names, nil for none.
func findKeyring(dir string, opts Options) (keyStore, error) {
	b, err := os.ReadFile(filepath.Join(dir, ringFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find master key: %w", err)
	}
	return keyringStore{opts.ring, strings.TrimSpace(string(b)), opts.Timeout}, nil
}

// newKeyring puts keys into the keyring, and reads them back: a keyring that
// only seems to work must not be trusted with the one key.
func newKeyring(dir string, opts Options, keys *keySet) (keyStore, error) {
	name := make([]byte, 8)
	if _, err := rand.Read(name); err != nil {
		return nil, err
	}
	p := keyringStore{opts.ring, "master-key-" + hex.EncodeToString(name), opts.Timeout}
	if err := p.save(keys); err != nil {
		return nil, err
	}
	undo := func(err error) error {
		return errors.Join(err, p.within(func() error { return p.ring.remove(p.user) }))
	}
	back, err := p.load()
	if err != nil {
		return nil, undo(err)
	}
	if back.current().ID != keys.current().ID || string(back.current().Key) != string(keys.current().Key) {
		return nil, undo(errors.New("the keyring returned a different value"))
	}
	err = fsx.CreateFile(filepath.Join(dir, ringFile), []byte(p.user+"\n"), 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster: its key holds
		if err := undo(nil); err != nil {
			return nil, err
		}
		return findKeyring(dir, opts)
	}
	if err != nil {
		return nil, undo(err)
	}
	return p, nil
}
