package config

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
)

// key is one plain setting: its name in the file, its default, and how it is
// read and written. A value given as text (flag, variable) and one from the
// file go through the same set.
type key struct {
	name     string // "listen", "analysis.endpoint"
	about    string
	fallback any
	value    string // what stands for the value in a help line
	path     bool   // a path: ~ and relative ones are made absolute
	set      func(*Config, any) error
	get      func(*Config) any
}

// env returns the variable of k: VOXPARSE_ANALYSIS_ENDPOINT.
func (k key) env() string {
	return "VOXPARSE_" + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// flagName returns a key as a flag is spelled: max-upload.
func flagName(key string) string { return strings.NewReplacer("_", "-", ".", "-").Replace(key) }

func lookup(name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

// keys is the table of every plain setting, in the order of the documentation.
var keys = []key{
	text("listen", "TCP address of the API, such as 127.0.0.1:7733; empty: the socket only", "", validListen, func(c *Config) *string { return &c.Listen }).as("ADDRESS"),
	list("hosts", "host names that TCP requests may bear besides the address itself", func(c *Config) *[]string { return &c.Hosts }),
	pathKey("tls_cert", "certificate of the TCP address with its chain, in PEM; read again when it changes; empty: plain HTTP", func(c *Config) *string { return &c.TLSCert }),
	pathKey("tls_key", "key of that certificate, in PEM", func(c *Config) *string { return &c.TLSKey }),
	boolean("insecure_http", "listen beyond this machine over plain HTTP, where keys and audio can be read on their way", false, func(c *Config) *bool { return &c.InsecureHTTP }),
	text("public_url", "how URLs of this daemon begin in events, where a proxy is in front of it; its host need not stand in hosts", "", validPublicURL, func(c *Config) *string { return &c.PublicURL }).as("URL"),
	boolean("allow_private", "webhooks added over TCP may reach loopback and private addresses", false, func(c *Config) *bool { return &c.AllowPrivate }),
	size("max_upload", "largest upload", api.DefaultMaxUpload, func(c *Config) *int64 { return &c.MaxUpload }),
	period("max_length", "longest audio that is accepted", 24*time.Hour, time.Second, func(c *Config) *time.Duration { return &c.MaxLength }),
	choice("plan", "webhooks, delivery log and analysis: lite, pro or unlimited", string(api.PlanPro), wordsOf("plan"), func(c *Config) *api.Plan { return &c.Plan }),
	period("retention", "how long finished jobs and the delivery log are kept; 0s: as the plan says", 0, 0, func(c *Config) *time.Duration { return &c.Retention }),
	text("model", "speech model, or an [engines.NAME]; empty: the catalog's default", "", nil, func(c *Config) *string { return &c.Model }).as("NAME"),
	text("speaker_model", "model that tells speakers apart; empty: the catalog's", "", nil, func(c *Config) *string { return &c.SpeakerModel }).as("NAME"),
	text("language", "language of the speech, such as en; empty: automatic", "", checkLanguage, func(c *Config) *string { return &c.Language }).as("LANGUAGE"),
	choice("mode", "polished or verbatim", string(api.ModePolished), wordsOf("mode"), func(c *Config) *api.Mode { return &c.Mode }),
	text("model_mirror", "folder or URL that is tried first for models", "", nil, func(c *Config) *string { return &c.ModelMirror }).as("SOURCE"),
	count("workers", "engine processes; 0: best for this machine", 0, 256, func(c *Config) *int { return &c.Workers }),
	choice("pin", "tie engine processes to a core each: auto, on or off", "auto", []string{"auto", "on", "off"}, func(c *Config) *string { return &c.Pin }),
	period("grace", "how long running work may finish when the daemon stops", 10*time.Second, 0, func(c *Config) *time.Duration { return &c.Grace }),
	choice("log_level", "debug, info, warn or error", "info", []string{"debug", "info", "warn", "error"}, func(c *Config) *string { return &c.LogLevel }),
	choice("log_format", "text or json", "text", []string{"text", "json"}, func(c *Config) *string { return &c.LogFormat }),
	pathKey("data_dir", "jobs, webhooks and audio that waits", func(c *Config) *string { return &c.DataDir }),
	pathKey("cache_dir", "what can be made again", func(c *Config) *string { return &c.CacheDir }),
	pathKey("models_dir", "speech models", func(c *Config) *string { return &c.ModelsDir }),
	pathKey("socket", "Unix socket of the daemon", func(c *Config) *string { return &c.Socket }),
	pathKey("engine", "path of voxparse-engine; empty: beside voxparse", func(c *Config) *string { return &c.Engine }),
	boolean("analysis.enabled", "add ai_analysis to results, where the plan has it", true, func(c *Config) *bool { return &c.Analysis.Enabled }),
	text("analysis.endpoint", "base URL of an OpenAI-compatible chat server; empty: built in", "", validURL, func(c *Config) *string { return &c.Analysis.Endpoint }).as("URL"),
	text("analysis.model", "model of that endpoint", "", nil, func(c *Config) *string { return &c.Analysis.Model }).as("NAME"),
	text("analysis.key", "its key: env:NAME, file:PATH or keyring:NAME", "", ValidKeyRef, func(c *Config) *string { return &c.Analysis.Key }).as("REFERENCE"),
	period("analysis.timeout", "time limit of one request to it", 2*time.Minute, time.Second, func(c *Config) *time.Duration { return &c.Analysis.Timeout }),
}

func text[S ~string](name, about, fallback string, check func(string) error, at func(*Config) *S) key {
	return key{name: name, about: about, value: "WORD", fallback: fallback,
		get: func(c *Config) any { return string(*at(c)) },
		set: func(c *Config, v any) error {
			s, ok := v.(string)
			if !ok {
				return fmt.Errorf("got %s, want a string in quotes", kindOf(v))
			}
			if check != nil && s != "" {
				if err := check(s); err != nil {
					return err
				}
			}
			*at(c) = S(s)
			return nil
		}}
}

// as returns k with what stands for its value in a help line.
func (k key) as(value string) key {
	k.value = value
	return k
}

func pathKey(name, about string, at func(*Config) *string) key {
	k := text(name, about, "", nil, at)
	k.path = true
	return k.as("PATH")
}

func choice[S ~string](name, about, fallback string, allowed []string, at func(*Config) *S) key {
	return text(name, about, fallback, func(s string) error {
		_, err := api.Option{Words: allowed}.Check(s)
		return err
	}, at)
}

// wordsOf returns the allowed words of the job option that a setting gives the
// default of.
func wordsOf(option string) []string {
	for _, o := range api.OptionsOn(api.OnForm) {
		if o.Name == option {
			return o.Words
		}
	}
	panic("config: there is no option " + option)
}

func boolean(name, about string, fallback bool, at func(*Config) *bool) key {
	return key{name: name, about: about, value: "BOOL", fallback: fallback,
		get: func(c *Config) any { return *at(c) },
		set: func(c *Config, v any) (err error) {
			*at(c), err = parseBool(v)
			return err
		}}
}

func count(name, about string, fallback, most int, at func(*Config) *int) key {
	return key{name: name, about: about, value: "N", fallback: fallback,
		get: func(c *Config) any { return *at(c) },
		set: func(c *Config, v any) error {
			n, err := parseInt(v)
			if err != nil {
				return err
			}
			if n < 0 || n > most {
				return fmt.Errorf("got %d, want 0 to %d", n, most)
			}
			*at(c) = n
			return nil
		}}
}

func size(name, about string, fallback int64, at func(*Config) *int64) key {
	return key{name: name, about: about, value: "SIZE", fallback: FormatSize(fallback),
		get: func(c *Config) any { return FormatSize(*at(c)) },
		set: func(c *Config, v any) error {
			n, err := sizeOf(v)
			if err != nil {
				return err
			}
			if n <= 0 {
				return fmt.Errorf("got %v, want more than 0 bytes", v)
			}
			*at(c) = n
			return nil
		}}
}

func period(name, about string, fallback, least time.Duration, at func(*Config) *time.Duration) key {
	return key{name: name, about: about, value: "DURATION", fallback: duration.Format(fallback),
		get: func(c *Config) any { return duration.Format(*at(c)) },
		set: func(c *Config, v any) error {
			s, ok := v.(string)
			if !ok {
				return fmt.Errorf(`got %s, want a duration in quotes, such as "30s", "5m" or "7d"`, kindOf(v))
			}
			d, err := duration.Parse(s)
			if err != nil {
				return err
			}
			if d < least {
				return fmt.Errorf("got %s, want at least %s", s, duration.Format(least))
			}
			*at(c) = d
			return nil
		}}
}

func list(name, about string, at func(*Config) *[]string) key {
	return key{name: name, about: about, value: "LIST", fallback: []string{},
		get: func(c *Config) any { return *at(c) },
		set: func(c *Config, v any) (err error) {
			*at(c), err = parseList(v)
			return err
		}}
}

func validListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" {
		return fmt.Errorf("got %q, want an address and a port, such as 127.0.0.1:7733", s)
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n < 0 {
		return fmt.Errorf("got port %q, want a number from 0 to 65535", port)
	}
	if host != "" && host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil {
		return fmt.Errorf("got host %q, want an IP address or localhost", host)
	}
	return nil
}

// Flag is a setting as a flag of `daemon run`.
type Flag struct {
	Name  string // "max-upload"
	Key   string // "max_upload"
	Value string // what stands for the value in a help line: "SIZE"
	About string
}

// Flags returns every setting as a flag.
func Flags() []Flag {
	out := make([]Flag, 0, len(keys))
	for _, k := range keys {
		out = append(out, Flag{flagName(k.name), k.name, k.value, k.about})
	}
	return out
}
