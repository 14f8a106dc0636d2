package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
)

// checkTables validates and completes [engines.NAME] and [[folder]].
func (c *Config) checkTables(f *file, p *problems) {
	*p = append(*p, f.unknown...)
	if _, single := f.values["folder"].(map[string]any); single {
		p.add(f.path, f.lines["folder"], "folder: want a table: write [[folder]] with two brackets")
		return
	}
	names := make([]string, 0, len(c.Engines))
	for name := range c.Engines {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e := c.Engines[name]
		c.Engines[name] = checkEngine(f, "engines."+name, e, p)
	}
	seen := map[string]int{}
	for i := range c.Folders {
		at := fmt.Sprintf("folder[%d]", i)
		checkFolder(f, at, &c.Folders[i], p)
		dir := c.Folders[i].Dir
		if first, ok := seen[dir]; ok && dir != "" {
			p.add(f.path, f.lines[at], "folder %s stands at line %d already; remove one of the two", dir, first)
		}
		seen[dir] = f.lines[at]
	}
}

// reporter returns a function that reports a mistake in key of the table at.
func (f *file) reporter(at string, p *problems) func(key, format string, args ...any) {
	return func(key, format string, args ...any) {
		line := f.lines[at+"."+key]
		if line == 0 {
			line = f.lines[at]
		}
		p.add(f.path, line, at+"."+key+": "+format, args...)
	}
}

func checkEngine(f *file, at string, e Engine, p *problems) Engine {
	bad := f.reporter(at, p)
	checkEngineType(e, bad)
	check := func(key, v string, valid func(string) error) {
		if v == "" {
			return
		}
		if err := valid(v); err != nil {
			bad(key, "%v", err)
		}
	}
	check("url", e.URL, validURL)
	check("key", e.Key, ValidKeyRef)
	check("language", e.Language, checkLanguage)
	check("timeout", e.Timeout, func(s string) error {
		d, err := duration.Parse(s)
		if err == nil && d < time.Second {
			err = fmt.Errorf("got %s, want at least 1s", s)
		}
		return err
	})
	if e.RequestsPerMinute < 0 {
		bad("requests_per_minute", "got %d, want 0 or more", e.RequestsPerMinute)
	}
	for role, path := range e.Files {
		abs, err := absolute(expandHome(path, os.Getenv), filepath.Dir(f.path))
		if err != nil {
			bad("files", "%s: %v", role, err)
			continue
		}
		e.Files[role] = abs
	}
	return e
}

func checkEngineType(e Engine, bad func(key, format string, args ...any)) {
	switch e.Type {
	case "openai", "voxparse":
		if e.URL == "" && e.Type == "openai" {
			bad("url", `missing: the base URL of the server, such as "http://127.0.0.1:8000/v1"`)
		}
		if len(e.Files) > 0 || e.Family != "" {
			bad("type", "a remote engine has no files or family; did you mean type = \"sherpa\"?")
		}
	case "sherpa":
		if len(e.Files) == 0 {
			bad("files", `missing: its model files, such as {encoder = "…", decoder = "…", tokens = "…"}`)
		}
		if e.URL != "" || e.Key != "" {
			bad("type", "a sherpa engine runs on this machine and has no url or key; did you mean type = \"openai\"?")
		}
	case "":
		bad("type", `missing: "sherpa", "openai" or "voxparse"`)
	default:
		kinds := []string{"sherpa", "openai", "voxparse"}
		bad("type", "got %q, want %s%s", e.Type, orList(kinds), suggestion(e.Type, kinds))
	}
}

// checkFolder validates one [[folder]] and fills its defaults.
func checkFolder(f *file, at string, d *Folder, p *problems) {
	bad := f.reporter(at, p)
	if d.Dir == "" {
		bad("dir", "missing: the folder to watch")
	}
	for _, path := range []*string{&d.Dir, &d.Out} {
		if *path == "" {
			continue
		}
		abs, err := absolute(expandHome(*path, os.Getenv), filepath.Dir(f.path))
		if err != nil {
			bad("dir", "%v", err)
			continue
		}
		*path = abs
	}
	if _, given := f.lines[at+".recursive"]; !given {
		d.Recursive = true
	}
	if d.Existing == "" {
		d.Existing = api.ExistingProcess
	}
	for _, e := range CheckFolder(d) {
		bad(e.Key, "%s", e.Message)
	}
}

// FolderError is a mistake in one option of a drop folder.
type FolderError struct{ Key, Message string }

// CheckFolder reports every mistake in the options of a drop folder, whether
// they come from the config file or from a command, and brings the values into
// the form in which they are kept. It fills no default.
func CheckFolder(d *Folder) (errs []FolderError) {
	bad := func(key, format string, args ...any) {
		errs = append(errs, FolderError{key, fmt.Sprintf(format, args...)})
	}
	api.CheckOptions(d, api.OnTOML, func(o api.Option, err error) { bad(o.Name, "%v", err) })
	patterns := func(key string, globs []string) {
		for _, g := range globs {
			if !doublestar.ValidatePattern(g) {
				bad(key, "got %q, which is not a pattern; write one such as \"*.mp3\" or \"calls/**\"", g)
			}
		}
	}
	patterns("include", d.Include)
	patterns("exclude", d.Exclude)
	if d.Settle != "" {
		if t, err := duration.Parse(d.Settle); err != nil || t == 0 {
			bad("settle", `got %q, want a duration such as "10s", "5m" or "1d"`, d.Settle)
		}
	}
	if d.Poll != "" && d.Poll != api.Auto && d.Poll != api.Off {
		if t, err := duration.Parse(d.Poll); err != nil || t < time.Second {
			bad("poll", `got %q, want "auto", "off" or a duration of at least 1s`, d.Poll)
		}
	}
	for _, id := range d.Webhooks {
		if !strings.HasPrefix(id, api.WebhookPrefix) {
			bad("webhooks", "got %q, want ids of webhooks; voxparse webhooks list shows them", id)
		}
	}
	return errs
}
