package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/voxparse/voxparse/api"
)

// Set returns the text of a config file with one setting changed, and
// everything else as it was: comments, order, blank lines. value is what a flag
// would take. Errors are api.Invalid, and then nothing may be written.
func Set(path string, data []byte, name, value string) ([]byte, error) {
	k := lookup(name)
	if k == nil {
		return nil, api.Errorf(api.Invalid, "there is no setting %q%s", name, suggestion(name, Keys()))
	}
	var c Config
	if err := c.setText(*k, value); err != nil {
		return nil, api.Errorf(api.Invalid, "%s: %v", name, err)
	}
	f, err := parse(path, data)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(data), "\n")
	assigned := TOML(k.get(&c))
	if _, _, there := f.value(*k); there {
		err = replaceValue(lines, data, name, assigned)
	} else {
		lines = insertValue(lines, data, name, assigned)
	}
	if err != nil {
		return nil, api.Errorf(api.Invalid, "%s: %v", path, err)
	}
	out := []byte(strings.Join(lines, "\n"))
	return out, checkSet(path, out, *k, k.get(&c))
}

// setText sets k from text, as a flag does.
func (c *Config) setText(k key, value string) error {
	if k.path && value != "" {
		abs, err := absolute(expandHome(value, os.Getenv), "")
		if err != nil {
			return err
		}
		value = abs
	}
	return k.set(c, value)
}

// checkSet finds whether a text says what it was changed to say.
func checkSet(path string, data []byte, k key, want any) error {
	f, err := parse(path, data)
	if err != nil {
		return err
	}
	var c Config
	v, _, ok := f.value(k)
	if ok {
		err = k.set(&c, v)
	}
	if !ok || err != nil || !reflect.DeepEqual(k.get(&c), want) {
		return api.Errorf(api.Invalid, "%s cannot be changed in %s as it is written there; change it in an editor", k.name, path)
	}
	return nil
}

// TOML writes a value as the file has it.
func TOML(v any) string {
	switch v := v.(type) {
	case string:
		return quoted(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = quoted(s)
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// quoted writes a string of TOML, whose escapes are fewer than those of Go.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// replaceValue changes the value in the line of name. What follows the value,
// a comment, stays.
func replaceValue(lines []string, data []byte, name, assigned string) error {
	line := lineOf(data, unstable.KeyValue, name)
	if line == 0 {
		return fmt.Errorf("%s stands in a table within a line; change it in an editor", name)
	}
	l := lines[line-1]
	from, to := valueIn(l)
	if to == 0 {
		return fmt.Errorf("the value of %s in line %d goes over several lines; change it in an editor", name, line)
	}
	lines[line-1] = l[:from] + assigned + l[to:]
	return nil
}

// valueIn returns where the value stands in a line, and 0 where it does not end
// there.
func valueIn(line string) (from, to int) {
	from = strings.IndexByte(line, '=') + 1
	from += len(line[from:]) - len(strings.TrimLeft(line[from:], " \t"))
	for end := from; end <= len(line); end++ {
		if end < len(line) && line[end] != '#' {
			continue
		}
		value := strings.TrimRight(line[from:end], " \t\r")
		if toml.Unmarshal([]byte("v = "+value), &map[string]any{}) == nil {
			return from, from + len(value)
		}
	}
	return from, 0
}

// insertValue adds a setting: below the head of its table, or of the top-level
// ones below the last of them.
func insertValue(lines []string, data []byte, name, assigned string) []string {
	table, last, inTable := strings.Cut(name, ".")
	if !inTable {
		at, blank := placeAtTop(lines, data)
		added := []string{name + " = " + assigned}
		if blank {
			added = append(added, "")
		}
		return slices.Insert(lines, min(at, len(lines)), added...)
	}
	if line := lineOf(data, unstable.Table, table); line > 0 {
		return slices.Insert(lines, line, last+" = "+assigned)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return append(lines, "["+table+"]", last+" = "+assigned, "")
}

// lineOf returns the line of a table's head or of a setting, 0 where there is
// none of that kind.
func lineOf(data []byte, kind unstable.Kind, name string) int {
	var p unstable.Parser
	p.Reset(data)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		parts, line := keyParts(&p, e)
		full := parts
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = parts
		case unstable.KeyValue:
			full = slices.Concat(table, parts)
		}
		if e.Kind == kind && strings.Join(full, ".") == name {
			return line
		}
	}
	return 0
}

// placeAtTop returns before which line a new top-level setting goes, and whether
// a blank line has to follow it.
func placeAtTop(lines []string, data []byte) (at int, blank bool) {
	var p unstable.Parser
	p.Reset(data)
	last, head := 0, 0
	for head == 0 && p.NextExpression() {
		e := p.Expression()
		_, line := keyParts(&p, e)
		switch e.Kind {
		case unstable.KeyValue:
			last = line
		case unstable.Table, unstable.ArrayTable:
			head = line
		}
	}
	switch {
	case last == 0 && head > 0:
		for at = head - 1; at > 0 && strings.HasPrefix(lines[at-1], "#"); at-- { // what is said of the table
		}
		return at, true
	case last == 0 && strings.TrimSpace(string(data)) == "":
		return 0, false
	case last == 0: // nothing but comments
		return len(strings.Split(strings.TrimRight(string(data), "\n"), "\n")), false
	}
	if _, to := valueIn(lines[last-1]); to == 0 {
		last-- // it goes over several lines
	}
	return last, false
}

// Defaults returns every setting with its default.
func Defaults() []Entry {
	out := make([]Entry, 0, len(keys))
	for _, k := range keys {
		out = append(out, Entry{Key: k.name, Value: k.fallback, About: k.about})
	}
	return out
}
