package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// redactor takes out of a report what is nobody else's business. A name becomes
// a hash that is the same all through one report, and that nobody can compute
// from a guess.
type redactor struct {
	key     []byte
	home    string
	names   []string // known names of files, the longest first
	folders []string // known drop folders, the longest first
	hosts   []string // known hosts, the longest first
}

func newRedactor() (*redactor, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil || len(home) < 4 {
		home = "" // "/" or "/r" would be found everywhere
	}
	return &redactor{key: key, home: home}, nil
}

// know adds names that are to be hashed wherever they stand.
func (r *redactor) know(names ...string) {
	for _, n := range names {
		if base := filepath.Base(n); len(base) > 3 {
			r.names = append(r.names, base)
			if stem := strings.TrimSuffix(base, filepath.Ext(base)); len(stem) > 3 {
				r.names = append(r.names, stem)
			}
		}
	}
	slices.SortFunc(r.names, func(a, b string) int { return len(b) - len(a) })
}

// knowFolders adds drop folders and folders of outputs: what they and all in
// them are called may be a customer's name.
func (r *redactor) knowFolders(dirs ...string) {
	for _, d := range dirs {
		if len(d) > 3 {
			r.folders = append(r.folders, d)
		}
	}
	slices.SortFunc(r.folders, func(a, b string) int { return len(b) - len(a) })
}

func (r *redactor) hash(s string) string {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// name hashes the name of a file, and keeps its extension.
func (r *redactor) name(s string) string {
	if s == "" {
		return s
	}
	ext := knownExt.FindString(s)
	return "<" + r.hash(filepath.Base(s)) + ">" + ext
}

// fileExts are the extensions of audio and of what is made of it.
var fileExts = `(?:error\.json|aac|aiff?|aifc|amr|flac|m4[abv]|mp[234]|mov|og[ag]|opus|wave?|weba|webm|wma|part|` + strings.Join(api.Formats, "|") + `)`

var knownExt = regexp.MustCompile(`(?i)\.` + fileExts + `$`)

var (
	secretForms = regexp.MustCompile(`whsec_[0-9A-Za-z+/=_-]+|vp_[0-9A-Za-z]{8,}|\bsk-[0-9A-Za-z_-]{8,}|(?i:bearer|basic) [0-9A-Za-z._~+/=-]{8,}|[0-9a-f]{64,}`)
	urlForm     = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)
	quotedForm  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	bareName    = regexp.MustCompile(`(?i)[^\s"=/<>]+\.` + fileExts + `\b`)
	spacedName  = regexp.MustCompile(`(?i)[^"/<>]*\.` + fileExts + `\b`)

	bareInside   = regexp.MustCompile(`(<folder [0-9a-f]{8}>)/([^\s"<>]+)`)
	spacedInside = regexp.MustCompile(`(<folder [0-9a-f]{8}>)/([^"<>:\n]+)`)
	loggedFolder = regexp.MustCompile(`\bdir=([^\s"<]+)`)
)

// sentence redacts text in which a name may hold spaces.
func (r *redactor) sentence(s string) string { return r.scrub(s, spacedName, spacedInside) }

// line redacts a line of a log: there a value with spaces stands in quotes.
func (r *redactor) line(s string) string {
	s = quotedForm.ReplaceAllStringFunc(s, func(q string) string {
		return `"` + r.sentence(strings.Trim(q, `"`)) + `"`
	})
	s = loggedFolder.ReplaceAllStringFunc(s, func(m string) string { return "dir=" + r.folder(strings.TrimPrefix(m, "dir=")) })
	return r.scrub(s, bareName, bareInside)
}

// folder hashes the path of a folder.
func (r *redactor) folder(path string) string { return "<folder " + r.hash(path) + ">" }

// scrub takes out what is known and what looks like it. name finds names of
// files, and inside what lies in a folder that was taken out.
func (r *redactor) scrub(s string, name, inside *regexp.Regexp) string {
	for _, d := range r.folders {
		s = strings.ReplaceAll(s, d, r.folder(d))
	}
	s = inside.ReplaceAllStringFunc(s, func(m string) string {
		parts := inside.FindStringSubmatch(m)
		return parts[1] + "/" + r.name(parts[2])
	})
	s = urlForm.ReplaceAllStringFunc(s, r.url)
	s = secretForms.ReplaceAllString(s, "<secret>")
	for _, h := range r.hosts {
		s = strings.ReplaceAll(s, h, r.host(h))
	}
	for _, n := range r.names {
		s = strings.ReplaceAll(s, n, "<"+r.hash(n)+">")
	}
	if r.home != "" {
		s = strings.ReplaceAll(s, r.home, "~")
	}
	return name.ReplaceAllStringFunc(s, r.name)
}

// url keeps the scheme and the port of a URL, and its host where that is this
// machine. Its path may be a secret as much as its query: chat services have it
// so.
func (r *redactor) url(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "<url " + r.hash(s) + ">"
	}
	host := u.Hostname()
	if !thisMachine(host) {
		r.knowHost(host)
		host = r.host(host)
	}
	out := u.Scheme + "://" + host
	if port := u.Port(); port != "" {
		out += ":" + port
	}
	if rest := strings.TrimPrefix(s, u.Scheme+"://"+u.Host); rest != "" && rest != "/" {
		out += "/<" + r.hash(s) + ">"
	}
	return out
}

// thisMachine reports whether a host tells nothing of its owner.
func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// host hashes the name or the address of a host.
func (r *redactor) host(name string) string { return "<host " + r.hash(name) + ">" }

// knowHost has a host hashed wherever it stands: errors name it without a URL.
func (r *redactor) knowHost(name string) {
	if len(name) > 3 && !slices.Contains(r.hosts, name) {
		r.hosts = append(r.hosts, name)
		slices.SortFunc(r.hosts, func(a, b string) int { return len(b) - len(a) })
	}
}

// knowURLs has the hosts of URLs hashed wherever they stand.
func (r *redactor) knowURLs(urls ...string) {
	for _, s := range urls {
		if u, err := url.Parse(s); err == nil && u.Hostname() != "" && !thisMachine(u.Hostname()) {
			r.knowHost(u.Hostname())
		}
	}
}

// dropped are the keys whose values are never told; hashed those that are names
// of files.
var (
	dropped = []string{"metadata", "instructions", "description", "sha256", "text", "segments", "words", "secret", "key", "include", "exclude"}
	hashed  = []string{"name", "path"}
)

// value redacts v as JSON would show it.
func (r *redactor) value(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	return r.tree("", tree), nil
}

func (r *redactor) tree(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if slices.Contains(dropped, k) {
				v[k] = "<left out>"
				continue
			}
			v[k] = r.tree(k, e)
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.tree(key, v[i])
		}
		return v
	case string:
		if slices.Contains(hashed, key) {
			return r.name(v)
		}
		return r.sentence(v)
	}
	return v
}
