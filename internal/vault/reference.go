package vault

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/voxparse/voxparse/api"
)

// ringTimeout is how long one call to the keyring may take.
const ringTimeout = 3 * time.Second

// maxReferenced is the largest secret that a reference may lead to, in bytes.
const maxReferenced = 8 << 10

// Resolve returns the secret that ref leads to: env:NAME a variable of this
// process, file:PATH the first line of a file that others may not read, and
// keyring:NAME an entry of the service "voxparse" in the OS keyring. It reads
// anew every time and keeps nothing. Errors are api.Unavailable, say what to
// do, and never hold the secret.
func Resolve(ref string) (string, error) {
	kind, name, _ := strings.Cut(ref, ":")
	var secret string
	var err error
	switch kind {
	case "env":
		secret = os.Getenv(name)
		if secret == "" {
			err = unavailable("the variable %s is not set in the daemon's environment", name)
		}
	case "file":
		secret, err = secretFile(name)
	case "keyring":
		secret, err = ringSecret(osRing{}, name, ringTimeout)
	default:
		return "", api.Errorf(api.Invalid, "a key is given as env:NAME, file:PATH or keyring:NAME")
	}
	if err != nil {
		return "", err
	}
	if secret = strings.TrimSpace(secret); secret == "" || strings.ContainsAny(secret, "\r\n\x00") {
		return "", unavailable("what %s:%s leads to is not a key: it is empty or has more than one line", kind, name)
	}
	return secret, nil
}

// secretFile reads a small file that only its owner may read.
func secretFile(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", unavailable("the home folder is not known: %v", err)
		}
		path = filepath.Join(home, rest)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", unavailable("the key file cannot be read: %v", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return "", unavailable("the key file cannot be read: %v", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return "", unavailable("the key file %s is open to others; run: chmod 600 %s", path, path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxReferenced))
	if err != nil {
		return "", unavailable("the key file cannot be read: %v", err)
	}
	return string(raw), nil
}

// ringSecret reads an entry of a keyring.
func ringSecret(r ring, name string, limit time.Duration) (string, error) {
	var secret string
	err := keyringStore{r, name, limit}.within(func() (err error) { secret, err = r.get(name); return err })
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return "", unavailable("the keyring has no entry %s of the service %s", name, service)
	case err != nil:
		return "", unavailable("the keyring does not answer (%v): log in and unlock it", err)
	}
	return secret, nil
}
