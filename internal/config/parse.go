package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// sizeUnits are binary throughout: 100MB is 104,857,600 bytes, as the API's
// default limit is.
var sizeUnits = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10,
	"m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
	"t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
}

// ParseSize returns the bytes of a size such as "100MB", "1.5 GiB" or "4096".
// Every unit is binary: a MB is 1,048,576 bytes.
func ParseSize(s string) (int64, error) {
	t := strings.TrimSpace(s)
	i := strings.IndexFunc(t, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i < 0 {
		i = len(t)
	}
	unit, ok := sizeUnits[strings.ToLower(strings.TrimSpace(t[i:]))]
	n, err := strconv.ParseFloat(t[:i], 64)
	if !ok || err != nil {
		return 0, fmt.Errorf(`got %q, want a size such as "100MB", "2GB" or 4096`, s)
	}
	b := n * float64(unit)
	if b >= math.MaxInt64 {
		return 0, fmt.Errorf("got %q, which is more than any file", s)
	}
	return int64(b), nil
}

// FormatSize writes n bytes so that ParseSize reads them back exactly.
func FormatSize(n int64) string {
	for _, u := range []string{"TB", "GB", "MB", "KB"} {
		if m := sizeUnits[strings.ToLower(u)]; n >= m && n%m == 0 {
			return strconv.FormatInt(n/m, 10) + u
		}
	}
	return strconv.FormatInt(n, 10)
}

func sizeOf(v any) (int64, error) {
	switch t := v.(type) {
	case int64:
		return t, nil
	case string:
		return ParseSize(t)
	}
	return 0, fmt.Errorf(`got %s, want a size such as "100MB"`, kindOf(v))
}

func parseBool(v any) (bool, error) {
	switch t := v.(type) {
	case bool:
		return t, nil
	case string:
		switch strings.ToLower(t) {
		case "1", "true", "yes", "on":
			return true, nil
		case "0", "false", "no", "off":
			return false, nil
		}
		return false, fmt.Errorf("got %q, want true or false", t)
	}
	return false, fmt.Errorf("got %s, want true or false", kindOf(v))
}

func parseInt(v any) (int, error) {
	switch t := v.(type) {
	case int:
		return t, nil
	case int64:
		return int(t), nil
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(t))
		if err != nil {
			return 0, fmt.Errorf("got %q, want a whole number", t)
		}
		return n, nil
	}
	return 0, fmt.Errorf("got %s, want a whole number", kindOf(v))
}

func parseList(v any) ([]string, error) {
	switch t := v.(type) {
	case []string:
		return t, nil
	case string:
		var out []string
		for s := range strings.SplitSeq(t, ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
		return out, nil
	case []any:
		out := make([]string, 0, len(t))
		for _, e := range t {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("got %s in the list, want strings in quotes", kindOf(e))
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, fmt.Errorf(`got %s, want a list of strings, such as ["a", "b"]`, kindOf(v))
}

// kindOf names a TOML value's kind for an error.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int, int64:
		return "a number"
	case float64:
		return "a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date"
}

func checkLanguage(s string) (err error) {
	api.CheckOptions(&api.Options{Language: s}, api.OnTOML, func(_ api.Option, wrong error) { err = wrong })
	return err
}

func validURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("got %q, want a URL such as https://example.com/v1", s)
	}
	if u.User != nil {
		return errors.New("a URL with a user or password in it is not accepted; give the key by key = \"env:NAME\"")
	}
	return nil
}

func validPublicURL(s string) error {
	if err := validURL(s); err != nil {
		return fmt.Errorf("got %q, want a URL such as https://voice.example.com", s)
	}
	if strings.ContainsAny(s, "?#") {
		return fmt.Errorf("got %q, want a URL without ? and #: paths are put behind it", s)
	}
	return nil
}

// KnownHosts are the host names that TCP requests may bear: Hosts, and that of
// PublicURL.
func (c *Config) KnownHosts() []string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" {
		return c.Hosts
	}
	return append(slices.Clone(c.Hosts), u.Hostname())
}

// ValidKeyRef reports why s is not a reference to a secret: env:NAME,
// file:PATH or keyring:NAME. A secret itself has no place in the config file.
func ValidKeyRef(s string) error {
	kind, rest, ok := strings.Cut(s, ":")
	if ok && rest != "" && (kind == "env" || kind == "file" || kind == "keyring") {
		return nil
	}
	return errors.New("a key stands in the config file by reference only: env:NAME, file:PATH or keyring:NAME")
}
