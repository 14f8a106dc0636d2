package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Config is the settings of one run. Every path in it is absolute.
type Config struct {
	Listen       string        // TCP address of the API, "" for none: the socket only
	Hosts        []string      // host names that TCP requests may bear besides Listen's own
	TLSCert      string        // certificate of Listen with its chain, in PEM; "" for plain HTTP
	TLSKey       string        // its key, in PEM
	InsecureHTTP bool          // Listen may be beyond this machine over plain HTTP
	PublicURL    string        // how URLs of this daemon begin for others; "" for those of Listen
	AllowPrivate bool          // webhooks added over TCP may reach loopback and private addresses
	MaxUpload    int64         // bytes of one upload
	MaxLength    time.Duration // longest audio that is accepted
	Plan         api.Plan
	Retention    time.Duration // how long finished jobs and the delivery log are kept; 0: as the plan says

	Model        string // a name of the catalog or of Engines; "" for the catalog's default
	SpeakerModel string // what tells speakers apart; "" for the catalog's
	Language     string // BCP 47; "" for automatic
	Mode         api.Mode
	ModelMirror  string // folder or URL that is tried first for models
	Workers      int    // engine processes; 0: measured best for the machine
	Pin          string // "auto", "on" or "off": engine processes to a core each

	Grace     time.Duration // how long running work may finish after SIGTERM
	LogLevel  string        // "debug", "info", "warn" or "error"
	LogFormat string        // "text" or "json"

	Analysis Analysis
	Engines  map[string]Engine // by name, as in [engines.NAME]
	Folders  []Folder          // as in [[folder]], in the file's order

	ConfigFile string // where the file is, or would be
	DataDir    string // jobs, webhooks, audio waiting; 0700
	CacheDir   string // what can be made again
	ModelsDir  string
	Socket     string
	Engine     string // path of voxparse-engine; "" to look beside voxparse

	origins map[string]Origin
	exists  bool
}

// Analysis is the [analysis] table.
type Analysis struct {
	Enabled  bool          // false: transcripts only, whatever the plan
	Endpoint string        // base URL of an OpenAI-compatible chat server; "" for the built-in tier
	Model    string        // the endpoint's model
	Key      string        // a reference to its key: see ValidKeyRef
	Timeout  time.Duration // of one request
}

// Engine is an [engines.NAME] table: a recognizer besides the catalog's.
type Engine struct {
	Type              string            `toml:"type" json:"type"`                                         // "sherpa", "openai" or "voxparse"
	URL               string            `toml:"url" json:"url,omitempty"`                                 // base URL of a remote engine
	Key               string            `toml:"key" json:"key,omitempty"`                                 // a reference: see ValidKeyRef
	Model             string            `toml:"model" json:"model,omitempty"`                             // the remote model's name
	Family            string            `toml:"family" json:"family,omitempty"`                           // of a sherpa model: "whisper", "transducer", …
	Language          string            `toml:"language" json:"language,omitempty"`                       // what it recognizes; "" for many
	Files             map[string]string `toml:"files" json:"files,omitempty"`                             // of a sherpa model: role → path
	Params            map[string]string `toml:"params" json:"params,omitempty"`                           // what the family needs besides
	Timeout           string            `toml:"timeout" json:"timeout,omitempty"`                         // a duration, of one request
	RequestsPerMinute int               `toml:"requests_per_minute" json:"requests_per_minute,omitempty"` // 0 for no limit
}

// Folder is a [[folder]] table: a drop folder.
type Folder struct {
	Dir      string       `toml:"dir" json:"dir"`
	Existing api.Existing `toml:"existing" json:"existing,omitempty"` // "": ExistingProcess
	api.FolderOptions
}

// Load reads the settings. flags maps keys ("model", "socket", "config") to
// what the command line gave; env is os.Getenv or a stand-in. A file that does
// not exist is an empty one, unless it was named. Errors are api.Invalid and
// hold every mistake, one a line.
func Load(flags map[string]string, env func(string) string) (*Config, error) {
	c := &Config{origins: map[string]Origin{}}
	named, err := c.locate(flags, env)
	if err != nil {
		return nil, err
	}
	var f *file
	data, err := os.ReadFile(c.ConfigFile)
	switch {
	case err == nil:
		c.exists = true
		if f, err = parse(c.ConfigFile, data); err != nil {
			return nil, err
		}
	case errors.Is(err, fs.ErrNotExist) && !named:
		f = &file{path: c.ConfigFile}
	case errors.Is(err, fs.ErrNotExist):
		return nil, api.Errorf(api.Invalid, "there is no config file %s; name one that exists, or omit --config and VOXPARSE_CONFIG", c.ConfigFile)
	default:
		return nil, api.Errorf(api.Invalid, "read the config file: %v", err)
	}
	var p problems
	for _, k := range keys {
		c.resolve(k, flags, env, f, &p)
	}
	for name := range flags {
		if name != "config" && lookup(name) == nil {
			p.add("", 0, "there is no setting %q", name)
		}
	}
	c.Engines, c.Folders = f.shape.Engines, f.shape.Folder
	c.checkTables(f, &p)
	c.defaultPaths(env)
	return c, p.err()
}

// locate sets ConfigFile and reports whether the user named it.
func (c *Config) locate(flags map[string]string, env func(string) string) (named bool, err error) {
	path, ok := flags["config"]
	if !ok || path == "" {
		path = env("VOXPARSE_CONFIG")
	}
	if path == "" {
		c.ConfigFile = filepath.Join(configHome(env), "voxparse", "config.toml")
		return false, nil
	}
	c.ConfigFile, err = filepath.Abs(expandHome(path, env))
	if err != nil {
		return true, fmt.Errorf("find the config file: %w", err)
	}
	return true, nil
}

// resolve sets k from the first source that has it.
func (c *Config) resolve(k key, flags map[string]string, env func(string) string, f *file, p *problems) {
	if v, ok := flags[k.name]; ok {
		c.put(k, v, Origin{From: FromFlag, Where: "--" + flagName(k.name)}, "", env, p)
		return
	}
	if v := env(k.env()); v != "" {
		c.put(k, v, Origin{From: FromEnv, Where: k.env()}, "", env, p)
		return
	}
	if v, line, ok := f.value(k); ok {
		c.put(k, v, Origin{From: FromFile, Where: f.path, Line: line}, filepath.Dir(f.path), env, p)
		return
	}
	c.put(k, k.fallback, Origin{From: FromDefault}, "", env, p)
}

// put sets one value. base is the folder that relative paths start from, ""
// for the working directory.
func (c *Config) put(k key, v any, o Origin, base string, env func(string) string, p *problems) {
	if s, ok := v.(string); ok && k.path && s != "" {
		abs, err := absolute(expandHome(s, env), base)
		if err != nil {
			p.at(o, k.name, err)
			return
		}
		v = abs
	}
	if err := k.set(c, v); err != nil {
		p.at(o, k.name, err)
		return
	}
	c.origins[k.name] = o
}

// Exists reports whether the config file exists.
func (c *Config) Exists() bool { return c.exists }

// KeepFor returns how long finished jobs and the delivery log are kept.
func (c *Config) KeepFor() time.Duration {
	if c.Retention > 0 {
		return c.Retention
	}
	if c.Plan == api.PlanLite {
		return 7 * 24 * time.Hour
	}
	return 30 * 24 * time.Hour
}

// WebhookCap returns how many webhooks the plan allows, 0 for no limit.
func (c *Config) WebhookCap() int {
	switch c.Plan {
	case api.PlanLite:
		return 1
	case api.PlanUnlimited:
		return 0
	}
	return 5
}
