package eventbody

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/voxparse/voxparse/internal/clip"
)

// Depths of nesting that canonicalization accepts.
const (
	maxMetadataDepth = 64  // of metadata: far below what any receiver's parser takes
	maxBodyDepth     = 512 // of a body that somebody sent us to look at
)

// fault is why a JSON text cannot be carried, at the place where it is.
type fault struct {
	path   string // "metadata.a[0]"
	reason string // a sentence with its fix
}

func (f *fault) Error() string { return f.path + ": " + f.reason }

// canon rewrites JSON into the one form that JSON.stringify(JSON.parse(text))
// gives back unchanged. In strict mode it refuses what would change its meaning
// on the way; otherwise it does what JavaScript would do.
type canon struct {
	dec    *jsontext.Decoder
	out    []byte
	path   []step
	strict bool
	depth  int
	root   string
}

// step is one key or index on the way to a value.
type step struct {
	key   string
	index int // used where key is not
	isKey bool
}

// canonical returns text in canonical form. Its errors are *fault.
func canonical(text []byte, root string, strict bool) ([]byte, error) {
	c := &canon{root: root, strict: strict, out: make([]byte, 0, len(text)+len(text)/8)}
	if !utf8.Valid(text) {
		if strict {
			return nil, &fault{root, fmt.Sprintf("is not valid UTF-8 at byte %d; encode the text as UTF-8", invalidAt(text))}
		}
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	// The decoder tokenizes only: what it would report about names and
	// surrogates lacks the path and the fix.
	c.dec = jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := c.value(); err != nil {
		return nil, c.placed(err)
	}
	if _, err := c.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, &fault{root, fmt.Sprintf("has something after its end at byte %d; send one JSON value", c.dec.InputOffset())}
	}
	return c.out, nil
}

// placed makes a fault of any error of the decoder.
func (c *canon) placed(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) && syntax.Err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &fault{c.root, fmt.Sprintf("is not valid JSON at byte %d (%v); send it as JSON.stringify or json.dumps writes it", syntax.ByteOffset, syntax.Err)}
	}
	return &fault{c.root, "is not valid JSON: it ends too early; send one whole JSON value"}
}

func (c *canon) fault(format string, args ...any) error {
	return &fault{c.where(), fmt.Sprintf(format, args...)}
}

// where writes the path as JavaScript would.
func (c *canon) where() string {
	var b strings.Builder
	b.WriteString(c.root)
	for _, s := range c.path {
		switch {
		case !s.isKey:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case isIdentifier(s.key):
			b.WriteString("." + s.key)
		default:
			b.WriteString("[" + strconv.Quote(clip.Bytes(s.key, 100)) + "]")
		}
	}
	return b.String()
}

func (c *canon) value() error {
	switch kind := c.dec.PeekKind(); kind {
	case '{', '[':
		return c.nested(kind)
	case '"':
		raw, err := c.dec.ReadValue()
		if err != nil {
			return err
		}
		s, err := c.unquote(raw)
		if err != nil {
			return err
		}
		return c.quote(s)
	case '0':
		raw, err := c.dec.ReadValue()
		if err != nil {
			return err
		}
		return c.number(string(raw))
	default:
		raw, err := c.dec.ReadValue()
		c.out = append(c.out, raw...)
		return err
	}
}

func (c *canon) nested(kind jsontext.Kind) error {
	limit := maxBodyDepth
	if c.strict {
		limit = maxMetadataDepth
	}
	if c.depth++; c.depth > limit {
		return &fault{c.root, fmt.Sprintf("is nested deeper than %d levels; flatten it, or send the inner part as a string", limit)}
	}
	defer func() { c.depth-- }()
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	if kind == '{' {
		return c.object()
	}
	return c.array()
}

func (c *canon) array() error {
	c.out = append(c.out, '[')
	c.path = append(c.path, step{})
	here := len(c.path) - 1
	for i := 0; ; i++ {
		kind := c.dec.PeekKind()
		if kind == ']' {
			break
		}
		c.path[here].index = i
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if err := c.value(); err != nil {
			return err
		}
	}
	c.path = c.path[:here]
	c.out = append(c.out, ']')
	_, err := c.dec.ReadToken()
	return err
}

// member is one name with its value, where it stands in canon.out.
type member struct {
	index      uint32 // the name as an array index
	indexed    bool
	start, end int // `"name":value`
}

func (c *canon) object() error {
	c.out = append(c.out, '{')
	c.path = append(c.path, step{isKey: true})
	here := len(c.path) - 1
	begin := len(c.out)
	var members []member
	seen := make(map[string]int)
	reorder := false
	for c.dec.PeekKind() != '}' {
		raw, err := c.dec.ReadValue()
		if err != nil {
			return err
		}
		name, err := c.name(raw, here)
		if err != nil {
			return err
		}
		if _, twice := seen[name]; twice && c.strict {
			return c.fault("this key occurs twice in its object, and a receiver would see one of them; give each key once")
		}
		if len(members) > 0 {
			c.out = append(c.out, ',')
		}
		m := member{start: len(c.out)}
		m.index, m.indexed = arrayIndex(name)
		if err := c.quote(name); err != nil {
			return err
		}
		c.out = append(c.out, ':')
		if err := c.value(); err != nil {
			return err
		}
		m.end = len(c.out)
		if at, twice := seen[name]; twice {
			// JavaScript keeps the first place and the last value.
			members[at].start, members[at].end = m.start, m.end
			reorder = true
		} else {
			seen[name] = len(members)
			members = append(members, m)
		}
		reorder = reorder || m.indexed
	}
	c.path = c.path[:here]
	if reorder {
		c.arrange(begin, members)
	}
	c.out = append(c.out, '}')
	_, err := c.dec.ReadToken()
	return err
}

// name unquotes a member name and puts it on the path, before anything can be
// wrong with it.
func (c *canon) name(raw jsontext.Value, here int) (string, error) {
	c.path[here].key = string(raw)
	name, err := c.unquote(raw)
	if err != nil {
		return "", err
	}
	c.path[here].key = name
	if name == "__proto__" && c.strict {
		return "", c.fault("the key __proto__ is dangerous to JavaScript receivers; rename it")
	}
	return name, nil
}

// arrange writes the members from begin on in the order in which JavaScript
// lists them: array indices ascending, then the others as they came.
func (c *canon) arrange(begin int, members []member) {
	slices.SortStableFunc(members, func(a, b member) int {
		switch {
		case a.indexed && b.indexed:
			return int(int64(a.index) - int64(b.index))
		case a.indexed:
			return -1
		case b.indexed:
			return 1
		}
		return 0
	})
	written := slices.Clone(c.out[begin:])
	c.out = c.out[:begin]
	for i, m := range members {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, written[m.start-begin:m.end-begin]...)
	}
}

func (c *canon) unquote(raw []byte) (string, error) {
	if c.strict {
		if esc := loneSurrogate(raw); esc != "" {
			return "", c.fault("%s is half of a surrogate pair and no character; send the whole pair, or remove it", esc)
		}
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil && c.strict {
		return "", c.fault("is no valid string (%v); send it as JSON.stringify writes it", err)
	}
	return string(s), nil
}

func (c *canon) quote(s string) error {
	out, err := jsontext.AppendQuote(c.out, s)
	if err != nil {
		return c.fault("is not valid UTF-8; encode the text as UTF-8")
	}
	c.out = out
	return nil
}

func (c *canon) number(raw string) error {
	if c.strict {
		if why := numberFault(raw); why != "" {
			return c.fault("%s", why)
		}
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil && math.IsInf(f, 0) {
		c.out = append(c.out, "null"...) // as JSON.stringify(Infinity)
		return nil
	}
	c.out = appendNumber(c.out, f)
	return nil
}

// arrayIndex returns name as a number if JavaScript takes it for an array
// index: "0" to "4294967294", without zeros in front.
func arrayIndex(name string) (uint32, bool) {
	if name == "" || len(name) > 10 || (name[0] == '0' && name != "0") || name[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(name, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return 0, false
	}
	return uint32(n), true
}

// loneSurrogate returns the first \u escape in the quoted string raw that is
// half of a surrogate pair without the other, "" when there is none.
func loneSurrogate(raw []byte) string {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if raw[i+1] != 'u' {
			i++
			continue
		}
		u, ok := hexEscape(raw[i:])
		if ok && u >= 0xd800 && u <= 0xdfff {
			low, paired := hexEscape(raw[i+6:])
			if u >= 0xdc00 || !paired || low < 0xdc00 || low > 0xdfff {
				return string(raw[i : i+6])
			}
			i += 6
		}
		i += 5
	}
	return ""
}

// hexEscape reads a \uXXXX escape at the start of b.
func hexEscape(b []byte) (uint64, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(string(b[2:6]), 16, 32)
	return u, err == nil
}

func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text)
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c == '$' || (c|0x20 >= 'a' && c|0x20 <= 'z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
