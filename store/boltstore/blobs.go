package boltstore

import (
	"bytes"
	"context"
	"fmt"
)

// givenUp begins the keys of blobs that no job needs any more. No name of a blob
// begins with a zero byte.
var givenUp = []byte{0}

// giveUpBlob notes that the blob's file can be removed.
func (t *tx) giveUpBlob(name string) {
	t.del(bBlob, []byte(name))
	t.put(bBlob, append(bytes.Clone(givenUp), name...), nil)
}

// BlobInUse reports whether a job still needs the blob with the given name.
func (db *DB) BlobInUse(ctx context.Context, name string) (bool, error) {
	used := false
	err := db.view(ctx, func(t *tx) error {
		used = t.get(bBlob, []byte(name)) != nil
		return nil
	})
	return used, err
}

// GivenUpBlobs returns up to limit blobs, but at most 200, that a job had and no
// job needs any more, until ForgetBlobs is called for them. Only these may be
// removed: a blob that the store does not know at all may be that of a job which
// an older copy of the store does not have.
func (db *DB) GivenUpBlobs(ctx context.Context, limit int) ([]string, error) {
	var names []string
	err := db.view(ctx, func(t *tx) error {
		for _, k := range t.keysWith(bBlob, givenUp, min(limit, maxRows)) {
			names = append(names, string(k[len(givenUp):]))
		}
		return nil
	})
	return names, err
}

// ForgetBlobs drops what is known of blobs that were given up: their files are
// removed.
func (db *DB) ForgetBlobs(ctx context.Context, names []string) error {
	err := db.update(ctx, func(t *tx) error {
		for _, name := range names {
			t.del(bBlob, append(bytes.Clone(givenUp), name...))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget removed audio: %w", err)
	}
	return nil
}
