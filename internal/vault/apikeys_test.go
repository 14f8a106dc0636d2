package vault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/vault"
)

func openKeys(t *testing.T, dir string) *vault.Keys {
	t.Helper()
	k, err := vault.OpenKeys(dir)
	if err != nil {
		t.Fatalf("open API keys: %v", err)
	}
	return k
}

func TestKeysMatch_untilRevoked(t *testing.T) {
	dir := t.TempDir()
	cli, daemon := openKeys(t, dir), openKeys(t, dir)
	key, secret, err := cli.Add(" phone system ")
	if err != nil {
		t.Fatalf("add: %v", err)
	}
	if !regexp.MustCompile(`^vp_[0-9a-f]{40}$`).MatchString(secret) {
		t.Errorf("key: got %q, want vp_ and 40 hexadecimal digits", secret)
	}
	if key.Name != "phone system" || key.Last4 != "..."+secret[len(secret)-4:] || key.Hash != "" {
		t.Errorf("key: got %+v, want its name, its last four and no hash", key)
	}
	got, ok, err := daemon.Match(secret)
	if err != nil || !ok || got != key {
		t.Errorf("match in another process: got %+v, %v, %v; want %+v", got, ok, err, key)
	}
	if _, err := cli.Revoke("phone system"); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	if _, ok, err := daemon.Match(secret); ok || err != nil {
		t.Errorf("match after revoking: got %v, %v; want false", ok, err)
	}
}

func TestKeysMatch_refusesWrongKeys(t *testing.T) {
	keys := openKeys(t, t.TempDir())
	_, secret, err := keys.Add("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "vp_", secret[:len(secret)-1], secret + "0", strings.ToUpper(secret), " " + secret, vault.HashKey(secret)} {
		if got, ok, err := keys.Match(wrong); ok || err != nil {
			t.Errorf("match %q: got %+v, %v, %v; want none", wrong, got, ok, err)
		}
	}
}

func TestKeysAdd_storesHashesOnly(t *testing.T) {
	dir := t.TempDir()
	keys := openKeys(t, dir)
	_, secret, err := keys.Add("a")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keys.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), secret[3:20]) {
		t.Errorf("the file holds the key: %s", b)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v; want 0600", fi.Mode(), err)
	}
	list, err := keys.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("list: got %v, %v; want one", list, err)
	}
	if b, err := json.Marshal(list); err != nil || strings.Contains(string(b), vault.HashKey(secret)) {
		t.Errorf("list as JSON: got %s, %v; want no hash", b, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := keys.Match(secret); ok || !errors.Is(err, api.Unavailable) {
		t.Errorf("match with a file that others may read: got %v, %v; want %v", ok, err, api.Unavailable)
	}
}

func TestKeysAdd_checksNames(t *testing.T) {
	keys := openKeys(t, t.TempDir())
	if _, _, err := keys.Add("taken"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"": api.Invalid, "  ": api.Invalid, "a\nb": api.Invalid, strings.Repeat("x", 101): api.Invalid, "taken": api.Conflict,
	} {
		if _, _, err := keys.Add(name); !errors.Is(err, want) {
			t.Errorf("add %q: got %v, want %v", name, err, want)
		}
	}
	if _, err := keys.Revoke("nobody"); !errors.Is(err, api.NotFound) {
		t.Errorf("revoke an unknown one: got %v, want %v", err, api.NotFound)
	}
}

func TestKeysAdd_concurrent(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			keys, err := vault.OpenKeys(dir)
			if err == nil {
				_, _, err = keys.Add(fmt.Sprint("key ", i))
			}
			if err != nil {
				t.Errorf("add %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if list, err := openKeys(t, dir).List(); err != nil || len(list) != 10 {
		t.Errorf("list: got %d keys, %v; want 10", len(list), err)
	}
}

func BenchmarkMatch(b *testing.B) {
	keys, err := vault.OpenKeys(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	_, secret, err := keys.Add("a")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok, err := keys.Match(secret); !ok || err != nil {
			b.Fatalf("got %v, %v", ok, err)
		}
	}
}
