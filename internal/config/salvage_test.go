package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/internal/config"
)

func TestPaths_ofAConfigFileWithMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key":  "data_dir = \"/srv/vp\"\nnonsense = 1\n",
		"wrong value":  "data_dir = \"/srv/vp\"\nworkers = \"many\"\n",
		"not TOML":     "plan = = \ndata_dir = \"/srv/vp\"\n[folder\n",
		"wrong engine": "data_dir = \"/srv/vp\"\n[engines.x]\ntype = 1\n",
	} {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Paths(map[string]string{"config": path}, func(string) string { return "" })
		if err == nil {
			t.Errorf("%s: got no error, want that of Load", name)
		}
		if c == nil || c.DataDir != "/srv/vp" || c.ConfigFile != path || c.Socket == "" {
			t.Errorf("%s: got %+v, want the paths", name, c)
		}
	}
}
