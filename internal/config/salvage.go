package config

import (
	"maps"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Paths is Load for what has to work whatever is in the config file, such as
// stopping the daemon: with the error of Load comes what can be read of the
// settings, with every path set. Other settings in it may be zero. It is nil
// only where the config file itself cannot be found.
func Paths(flags map[string]string, env func(string) string) (*Config, error) {
	c, err := Load(flags, env)
	if err == nil {
		return c, nil
	}
	c = &Config{origins: map[string]Origin{}}
	if _, lost := c.locate(flags, env); lost != nil {
		return nil, lost
	}
	f := salvage(c.ConfigFile)
	var p problems // Load has told them
	for _, k := range keys {
		c.resolve(k, flags, env, f, &p)
	}
	c.defaultPaths(env)
	return c, err
}

// salvage reads what can be read of a config file with mistakes: of one that is
// no TOML, the plain settings at its top, line by line.
func salvage(path string) *file {
	f := &file{path: path, values: map[string]any{}, lines: map[string]int{}}
	data, err := os.ReadFile(path)
	if err != nil || toml.Unmarshal(data, &f.values) == nil {
		return f
	}
	f.values = map[string]any{}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "[") {
			break
		}
		var one map[string]any
		if toml.Unmarshal([]byte(line), &one) == nil {
			maps.Copy(f.values, one)
		}
	}
	return f
}
