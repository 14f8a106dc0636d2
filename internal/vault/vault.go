package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
)

// NoKeyringEnv is the environment variable that, set to anything but "" or "0",
// keeps the master key in a file even where there is a keyring.
const NoKeyringEnv = "VOXPARSE_NO_KEYRING"

// What Source returns.
const (
	SourceKeyring = "keyring"
	SourceFile    = "file"
)

// Options are how Open works. The zero value is good.
type Options struct {
	NoKeyring bool          // make a new master key in a file in any case
	MustExist bool          // something is sealed already: make no new master key
	Timeout   time.Duration // of one call to the keyring; 0 for 3 s
	Logger    *slog.Logger  // nil for none

	ring ring // of tests
}

// Vault seals and opens secrets. It is safe for use by several goroutines.
type Vault struct {
	store keyStore

	mu   sync.RWMutex
	keys *keySet
}

// keyStore is where the master keys are kept.
type keyStore interface {
	load() (*keySet, error) // fs.ErrNotExist where there are none yet
	save(*keySet) error
	source() string
}

// Open returns the vault of the data folder dir (0700, made by the caller). The
// first call makes a master key: in the keyring where that works, else in the
// file vault.key in dir, 0600. Later calls find it where it was made, whatever
// the options say. The error is api.Unavailable, with the fix, when the key
// is in a keyring that does not answer, or in a file that others may read, and
// ErrNoKey where one must exist and does not.
func Open(dir string, opts Options) (*Vault, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = ringTimeout
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.ring == nil {
		opts.ring = osRing{}
	}
	p, err := findStore(dir, opts)
	if err != nil {
		return nil, err
	}
	if p == nil && opts.MustExist {
		return nil, ErrNoKey
	}
	if p == nil {
		if p, err = newStore(dir, opts); err != nil {
			return nil, err
		}
	}
	keys, err := p.load()
	if errors.Is(err, ErrNoKey) && !opts.MustExist { // the keyring lost it, and nothing is sealed with it
		if p, err = replaceKeyring(dir, opts); err == nil {
			keys, err = p.load()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	return &Vault{store: p, keys: keys}, nil
}

// findStore returns the store that has the keys of dir, nil where there are none yet.
func findStore(dir string, opts Options) (keyStore, error) {
	file := fileStore(filepath.Join(dir, keyFile))
	if _, err := os.Lstat(string(file)); !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	return findKeyring(dir, opts)
}

// replaceKeyring makes a new master key in place of one that is in no keyring
// any more.
func replaceKeyring(dir string, opts Options) (keyStore, error) {
	if err := os.Remove(filepath.Join(dir, ringFile)); err != nil {
		return nil, err
	}
	return newStore(dir, opts)
}

// newStore makes the first master key in the best store that works.
func newStore(dir string, opts Options) (keyStore, error) {
	keys, err := newKeySet()
	if err != nil {
		return nil, err
	}
	if v := os.Getenv(NoKeyringEnv); !opts.NoKeyring && (v == "" || v == "0") {
		p, err := newKeyring(dir, opts, keys)
		if err == nil {
			return p, nil
		}
		opts.Logger.Debug("no keyring; the master key goes to a file", "reason", err)
	}
	file := fileStore(filepath.Join(dir, keyFile))
	if err := file.create(keys); err != nil {
		return nil, fmt.Errorf("make master key: %w", err)
	}
	return file, nil
}

// Source says where the master key is: SourceKeyring or SourceFile.
func (v *Vault) Source() string { return v.store.source() }

// formatV1 is the first byte of what Seal returns; the key's id, the nonce and
// the ciphertext with its tag follow.
const formatV1 = 1

const (
	nonceLen = 12
	headLen  = 1 + keyIDLen
)

// ErrUnknownKey is a secret sealed with a master key that this vault does not
// have: the database and the key are not of the same installation.
var ErrUnknownKey = errors.New("sealed with another master key")

// ErrNoKey is a data folder without a master key, although secrets are sealed
// with one.
var ErrNoKey = errors.New("the master key is missing")

// ErrNoSecret is nothing where a sealed secret should be, as after one was given
// up with its master key.
var ErrNoSecret = errors.New("there is no secret: it was given up with a lost master key")

// ErrTampered is a sealed secret that was changed, or that was sealed for
// something else.
var ErrTampered = errors.New("the sealed secret was changed, or belongs elsewhere")

// Seal encrypts plaintext so that only Open with the same aad gives it back.
// aad says what the secret belongs to, as a webhook's id; it is not secret.
func (v *Vault) Seal(plaintext []byte, aad string) ([]byte, error) {
	v.mu.RLock()
	k := v.keys.current()
	v.mu.RUnlock()
	gcm, err := k.cipher()
	if err != nil {
		return nil, fmt.Errorf("seal secret: %w", err)
	}
	out := make([]byte, headLen+nonceLen, headLen+nonceLen+len(plaintext)+gcm.Overhead())
	out[0] = formatV1
	copy(out[1:headLen], k.ID[:])
	if _, err := rand.Read(out[headLen:]); err != nil {
		return nil, fmt.Errorf("seal secret: %w", err)
	}
	return gcm.Seal(out, out[headLen:], plaintext, bind(out[:headLen], aad)), nil
}

// Open decrypts what Seal returned for the same aad. The error is
// ErrUnknownKey, ErrTampered or ErrNoSecret, and never holds any of the secret.
func (v *Vault) Open(sealed []byte, aad string) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, ErrNoSecret
	}
	if len(sealed) < headLen+nonceLen || sealed[0] != formatV1 {
		return nil, fmt.Errorf("open secret: %w", ErrTampered)
	}
	k, err := v.key(keyID(sealed[1:headLen]))
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", err)
	}
	gcm, err := k.cipher()
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", err)
	}
	plain, err := gcm.Open(nil, sealed[headLen:headLen+nonceLen], sealed[headLen+nonceLen:], bind(sealed[:headLen], aad))
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", ErrTampered)
	}
	return plain, nil
}

// Lost reports whether something was sealed with a master key that this vault
// does not have. The error says why that cannot be told now.
func (v *Vault) Lost(sealed []byte) (bool, error) {
	if len(sealed) < headLen {
		return true, nil
	}
	_, err := v.key(keyID(sealed[1:headLen]))
	if errors.Is(err, ErrUnknownKey) {
		return true, nil
	}
	return false, err
}

// bind ties the head of a sealed secret and its aad together.
func bind(head []byte, aad string) []byte { return append(append([]byte{}, head...), aad...) }

// key returns the master key of that id. Another process may have made it
// since the keys were read.
func (v *Vault) key(id keyID) (masterKey, error) {
	v.mu.RLock()
	k, ok := v.keys.find(id)
	v.mu.RUnlock()
	if ok {
		return k, nil
	}
	keys, err := v.store.load()
	if err != nil {
		return masterKey{}, fmt.Errorf("read master key: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys = keys
	if k, ok = keys.find(id); !ok {
		return masterKey{}, fmt.Errorf("%w (%x): restore the key from the backup that the database came from", ErrUnknownKey, id[:])
	}
	return k, nil
}

// Rotate makes a new master key, with which Seal works from now on. The earlier
// ones stay, for what they sealed: seal again whatever is Stale, then Retire.
func (v *Vault) Rotate() error {
	k, err := newMasterKey()
	if err != nil {
		return err
	}
	return v.change(func(keys *keySet) { keys.Keys = append(keys.Keys, k) })
}

// Retire forgets every master key but the newest. What is still Stale can never
// be opened again.
func (v *Vault) Retire() error {
	return v.change(func(keys *keySet) { keys.Keys = keys.Keys[len(keys.Keys)-1:] })
}

// Stale reports whether sealed was sealed with an earlier master key.
func (v *Vault) Stale(sealed []byte) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(sealed) >= headLen && keyID(sealed[1:headLen]) != v.keys.current().ID
}

func (v *Vault) change(apply func(*keySet)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	keys, err := v.store.load()
	if err != nil {
		return fmt.Errorf("read master key: %w", err)
	}
	apply(keys)
	if err := v.store.save(keys); err != nil {
		return fmt.Errorf("store master key: %w", err)
	}
	v.keys = keys
	return nil
}

func (k masterKey) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.Key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// unavailable is an error with its fix.
func unavailable(format string, args ...any) error {
	return api.Errorf(api.Unavailable, format, args...)
}
