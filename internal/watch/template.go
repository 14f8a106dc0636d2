package watch

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// placeholders are what a metadata template may hold.
var placeholders = map[string]func(file string, st Stat) string{
	"stem":  func(file string, _ Stat) string { return stem(path.Base(file)) },
	"name":  func(file string, _ Stat) string { return path.Base(file) },
	"ext":   func(file string, _ Stat) string { return strings.TrimPrefix(path.Ext(file), ".") },
	"path":  func(file string, _ Stat) string { return file },
	"dir":   func(file string, _ Stat) string { return strings.TrimSuffix(path.Dir(file), ".") },
	"mtime": func(_ string, st Stat) string { return st.Modified().Format(time.RFC3339) },
}

// Expand returns the folder's metadata for one file: in every template {stem},
// {name}, {ext}, {path}, {dir} (the folder below the watched one, "" at its
// top) and {mtime} (RFC 3339, UTC) are replaced. The values are valid UTF-8
// whatever the names are. It returns nil where the folder has no metadata.
func (r Rules) Expand(file string, st Stat) map[string]string {
	if len(r.Metadata) == 0 {
		return nil
	}
	pairs := make([]string, 0, 2*len(placeholders))
	for name, value := range placeholders {
		pairs = append(pairs, "{"+name+"}", strings.ToValidUTF8(value(file, st), "\uFFFD"))
	}
	replace := strings.NewReplacer(pairs...)
	out := make(map[string]string, len(r.Metadata))
	for key, template := range r.Metadata {
		out[key] = replace.Replace(template)
	}
	return out
}

// checkTemplates finds placeholders that do not exist: {word} is one, other
// braces are text.
func checkTemplates(templates map[string]string) error {
	for key, t := range templates {
		for rest := t; ; {
			open := strings.IndexByte(rest, '{')
			if open < 0 {
				break
			}
			rest = rest[open+1:]
			word := rest[:max(0, strings.IndexByte(rest, '}'))]
			if _, ok := placeholders[word]; !ok && isWord(word) {
				known := slices.Sorted(maps.Keys(placeholders))
				return api.Errorf(api.Invalid, "metadata %s has {%s}; there are {%s}", key, word, strings.Join(known, "}, {"))
			}
		}
	}
	return nil
}

func isWord(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz_") == ""
}

// stem returns a base name without its extension.
func stem(name string) string {
	if s := strings.TrimSuffix(name, path.Ext(name)); s != "" {
		return s
	}
	return name
}
