package vault

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	keyIDLen  = 4
	keyLen    = 32 // AES-256
	keyFormat = 1
)

// keyID names a master key in what it sealed. It is random and tells nothing
// of the key.
type keyID [keyIDLen]byte

// MarshalText gives the id in hexadecimal.
func (id keyID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(id[:])), nil }

// UnmarshalText reads what MarshalText gives.
func (id *keyID) UnmarshalText(b []byte) error {
	if len(b) != 2*keyIDLen {
		return errors.New("a key's id has the wrong length")
	}
	_, err := hex.Decode(id[:], b)
	return err
}

type masterKey struct {
	ID      keyID     `json:"id"`
	Key     []byte    `json:"key"`
	Created time.Time `json:"created"`
}

// keySet is the master keys, oldest first; the last one seals.
type keySet struct {
	Format int         `json:"format"`
	Keys   []masterKey `json:"keys"`
}

func newMasterKey() (masterKey, error) {
	k := masterKey{Key: make([]byte, keyLen), Created: time.Now().UTC().Truncate(time.Second)}
	if _, err := rand.Read(k.Key); err != nil {
		return masterKey{}, fmt.Errorf("make master key: %w", err)
	}
	if _, err := rand.Read(k.ID[:]); err != nil {
		return masterKey{}, fmt.Errorf("make master key: %w", err)
	}
	return k, nil
}

func newKeySet() (*keySet, error) {
	k, err := newMasterKey()
	if err != nil {
		return nil, err
	}
	return &keySet{Format: keyFormat, Keys: []masterKey{k}}, nil
}

func (s *keySet) current() masterKey { return s.Keys[len(s.Keys)-1] }

func (s *keySet) find(id keyID) (masterKey, bool) {
	for _, k := range s.Keys {
		if k.ID == id {
			return k, true
		}
	}
	return masterKey{}, false
}

func (s *keySet) encode() ([]byte, error) { return json.Marshal(s) }

// decodeKeys reads what encode gives. Its errors hold nothing of what it read.
func decodeKeys(b []byte) (*keySet, error) {
	var s keySet
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, errors.New("the master key cannot be read: it was changed or cut short; restore it from a backup")
	}
	if s.Format != keyFormat {
		return nil, fmt.Errorf("the master key has format %d, which this version does not know: use a newer one", s.Format)
	}
	if len(s.Keys) == 0 {
		return nil, errors.New("there is no master key where one should be; restore it from a backup")
	}
	for _, k := range s.Keys {
		if len(k.Key) != keyLen {
			return nil, errors.New("the master key has a wrong length; restore it from a backup")
		}
	}
	return &s, nil
}
