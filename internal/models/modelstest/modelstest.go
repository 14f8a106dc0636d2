// Package modelstest gives tests the default model. It hides where the tests
// of all packages keep it between runs.
package modelstest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/internal/models"
)

// CacheEnv is the environment variable that names the folder where tests keep
// what is slow to get. Unset, it is voxparse-test in the user's cache folder.
const CacheEnv = "VOXPARSE_TEST_CACHE"

// Cache returns the folder where tests keep what is slow to get.
func Cache(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv(CacheEnv); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		tb.Fatalf("find a cache folder: %v; set %s", err, CacheEnv)
	}
	return filepath.Join(dir, "voxparse-test")
}

// Dir returns a models folder that has the default model, for models.Open. The
// first test to need it fetches it; the test fails where that is not possible.
// With -short nothing is fetched: a test that needs the model is skipped until
// it is there. Nothing else may be written to the folder.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(Cache(tb), "models")
	store := models.Open(dir, models.Options{})
	if testing.Short() && !store.Ready(models.Default) {
		tb.Skipf("%s is not in %s yet, and -short fetches nothing: run make test", models.Default, dir)
	}
	if err := store.Pull(tb.Context(), models.Default, nil); err != nil {
		tb.Fatalf("get the default model for the tests: %v", err)
	}
	return dir
}

// Files returns role → path of the default model's files.
func Files(tb testing.TB) map[string]string {
	tb.Helper()
	files, err := models.Open(Dir(tb), models.Options{}).Files(models.Default)
	if err != nil {
		tb.Fatalf("find the default model's files: %v", err)
	}
	return files
}
