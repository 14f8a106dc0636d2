package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// Where a value came from, strongest first.
const (
	FromFlag    = "flag"
	FromEnv     = "env"
	FromFile    = "file"
	FromDefault = "default"
)

// Origin says where a value came from.
type Origin struct {
	From  string `json:"from"`            // "flag", "env", "file" or "default"
	Where string `json:"where,omitempty"` // the flag, the variable or the file
	Line  int    `json:"line,omitempty"`  // in the file
}

// String returns one short line: "env VOXPARSE_MODEL", "file /…/config.toml:3".
func (o Origin) String() string {
	switch {
	case o.Line > 0:
		return fmt.Sprintf("%s %s:%d", o.From, o.Where, o.Line)
	case o.Where != "":
		return o.From + " " + o.Where
	}
	return o.From
}

// Origin returns where the value of key came from; the zero Origin for a key
// that does not exist.
func (c *Config) Origin(key string) Origin { return c.origins[key] }

// Entry is one setting as `voxparse config show` tells it.
type Entry struct {
	Key    string `json:"key"`
	Value  any    `json:"value"` // a string, int, bool or list of strings, as it stands in the file
	Origin Origin `json:"origin"`
	About  string `json:"about,omitempty"`
}

// Entries returns every setting in the order of the documentation.
func (c *Config) Entries() []Entry {
	out := make([]Entry, 0, len(keys))
	for _, k := range keys {
		out = append(out, Entry{Key: k.name, Value: k.get(c), Origin: c.origins[k.name], About: k.about})
	}
	return out
}

// Keys returns the names of the plain settings.
func Keys() []string {
	out := make([]string, 0, len(keys))
	for _, k := range keys {
		out = append(out, k.name)
	}
	return out
}

// otherVariables are read by voxparse and are no settings.
var otherVariables = []string{
	"VOXPARSE_CONFIG", "VOXPARSE_URL", "VOXPARSE_API_KEY", "VOXPARSE_NO_AUTOSTART", "VOXPARSE_NO_KEYRING", "VOXPARSE_WEBHOOK_SECRET",
}

// UnknownVariables returns a sentence on each VOXPARSE_* variable of an
// environment (as os.Environ gives it) that looks like a setting misspelled.
func UnknownVariables(environ []string) []string {
	known := slices.Clone(otherVariables)
	for _, k := range keys {
		known = append(known, k.env())
	}
	var out []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "VOXPARSE_") || slices.Contains(known, name) {
			continue
		}
		if near := api.Nearest(name, known); near != "" {
			out = append(out, fmt.Sprintf("the variable %s has no effect; did you mean %s?", name, near))
		}
	}
	return out
}

// problems collects mistakes, so that one run tells them all.
type problems []string

func (p *problems) add(file string, line int, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	switch {
	case line > 0:
		msg = fmt.Sprintf("%s:%d: %s", file, line, msg)
	case file != "":
		msg = file + ": " + msg
	}
	*p = append(*p, msg)
}

// at adds a mistake in the value of key, where it was made.
func (p *problems) at(o Origin, key string, err error) {
	switch o.From {
	case FromFile:
		p.add(o.Where, o.Line, "%s: %v", key, err)
	case FromDefault:
		p.add("", 0, "%s: %v", key, err)
	default:
		p.add(o.Where, 0, "%v", err)
	}
}

func (p *problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	return &api.Error{Code: api.Invalid, Message: strings.Join(*p, "\n")}
}
