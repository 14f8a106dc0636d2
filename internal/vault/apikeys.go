package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// KeyPrefix begins every API key; 40 hex characters follow.
const KeyPrefix = "vp_"

// apiKeysFile is the name of the API keys' file in the data folder.
const apiKeysFile = "keys.json"

// Key is an API key as it is kept: without the key.
type Key struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Hash      string    `json:"hash,omitempty"` // SHA-256 of the key, hexadecimal; "" in what List returns
	CreatedAt time.Time `json:"created_at"`
	Last4     string    `json:"last4"` // "...6f8a"
}

// NewKey returns a new API key: 160 random bits.
func NewKey() (string, error) {
	b := make([]byte, 20)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make API key: %w", err)
	}
	return KeyPrefix + hex.EncodeToString(b), nil
}

// HashKey returns the form in which an API key is kept. A plain hash does: a
// key has 160 random bits, which no dictionary holds.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Keys are the API keys of a data folder. It sees what another process changes
// at once. It is safe for use by several goroutines.
type Keys struct {
	path string

	mu   sync.Mutex
	seen fs.FileInfo // the file when it was read; nil for none
	keys []Key
}

// OpenKeys returns the API keys of the data folder dir. They need not exist.
// The error is api.Unavailable, with the fix, when others may read the file.
func OpenKeys(dir string) (*Keys, error) {
	k := &Keys{path: filepath.Join(dir, apiKeysFile)}
	if _, err := k.current(); err != nil {
		return nil, err
	}
	return k, nil
}

// Add makes a key called name and returns it: it is never shown again. The
// error is api.Invalid for a name that is empty, too long or not printable,
// api.Conflict for one that is taken.
func (k *Keys) Add(name string) (Key, string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Key{}, "", api.Errorf(api.Invalid, "an API key needs a name of 1 to 100 printable characters, as \"phone system\"")
	}
	secret, err := NewKey()
	if err != nil {
		return Key{}, "", err
	}
	id := make([]byte, 6)
	if _, err := rand.Read(id); err != nil {
		return Key{}, "", fmt.Errorf("make API key: %w", err)
	}
	key := Key{ID: "key_" + hex.EncodeToString(id), Name: name, Hash: HashKey(secret),
		CreatedAt: time.Now().UTC().Truncate(time.Second), Last4: "..." + secret[len(secret)-4:]}
	err = k.change(func(keys []Key) ([]Key, error) {
		if slices.ContainsFunc(keys, func(o Key) bool { return o.Name == name }) {
			return nil, api.Errorf(api.Conflict, "there is an API key called %q; choose another name or revoke that one", name)
		}
		return append(keys, key), nil
	})
	if err != nil {
		return Key{}, "", err
	}
	key.Hash = ""
	return key, secret, nil
}

// Match returns the key that secret is. It takes as long for a wrong one. The
// error is for a file that cannot be read: nobody may enter then.
func (k *Keys) Match(secret string) (Key, bool, error) {
	keys, err := k.current()
	if err != nil {
		return Key{}, false, err
	}
	hash := []byte(HashKey(secret))
	var found Key
	ok := false
	for _, key := range keys {
		if subtle.ConstantTimeCompare(hash, []byte(key.Hash)) == 1 {
			found, ok = key, true
		}
	}
	found.Hash = ""
	return found, ok, nil
}

// List returns the keys, oldest first, without their hashes.
func (k *Keys) List() ([]Key, error) {
	keys, err := k.current()
	if err != nil {
		return nil, err
	}
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i].Hash = ""
	}
	return keys, nil
}

// Revoke ends the key with that id or name and returns it. The error is
// api.NotFound.
func (k *Keys) Revoke(idOrName string) (Key, error) {
	var gone Key
	err := k.change(func(keys []Key) ([]Key, error) {
		i := slices.IndexFunc(keys, func(o Key) bool { return o.ID == idOrName })
		if i < 0 {
			i = slices.IndexFunc(keys, func(o Key) bool { return o.Name == idOrName })
		}
		if i < 0 {
			return nil, api.Errorf(api.NotFound, "there is no API key %q", idOrName)
		}
		gone = keys[i]
		return slices.Delete(keys, i, i+1), nil
	})
	gone.Hash = ""
	return gone, err
}

// current returns the keys as the file has them now.
func (k *Keys) current() ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fi, err := os.Lstat(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		k.seen, k.keys = nil, nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	if err := checkPrivate(k.path, fi); err != nil {
		return nil, err
	}
	if k.seen != nil && os.SameFile(k.seen, fi) && k.seen.ModTime().Equal(fi.ModTime()) && k.seen.Size() == fi.Size() {
		return k.keys, nil
	}
	keys, err := readKeys(k.path)
	if err != nil {
		return nil, err
	}
	k.seen, k.keys = fi, keys
	return keys, nil
}

func readKeys(path string) ([]Key, error) {
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	var file struct {
		Keys []Key `json:"keys"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, unavailable("%s cannot be read as JSON; restore it from a backup, or remove it and make new keys", path)
	}
	return file.Keys, nil
}

// change reads, changes and writes the file, one process at a time.
func (k *Keys) change(apply func([]Key) ([]Key, error)) error {
	lock, err := fsx.Lock(context.Background(), k.path+".lock", nil) // which is held for milliseconds
	if err != nil {
		return fmt.Errorf("lock API keys: %w", err)
	}
	defer lock.Close()
	keys, err := readKeys(k.path)
	if err != nil {
		return err
	}
	if keys, err = apply(keys); err != nil {
		return err
	}
	b, err := json.MarshalIndent(map[string]any{"keys": keys}, "", "  ")
	if err != nil {
		return fmt.Errorf("write API keys: %w", err)
	}
	if err := fsx.WriteFile(k.path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write API keys: %w", err)
	}
	return nil
}
