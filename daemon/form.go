package daemon

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/webhook"
)

// form is what a submission says besides the audio.
type form struct {
	async    bool
	options  api.Options
	metadata []byte
	webhooks []string
	size     int64 // what the client says the audio has, -1 when it does not say
	seen     map[string]bool
}

// field reads one value into a form.
type field struct {
	limit  int // bytes
	repeat bool
	set    func(*form, string) error
}

// fields are the names that a submission may use, the audio aside.
var fields = map[string]field{
	"async":        {16, false, func(f *form, s string) error { return parseBool(s, &f.async) }},
	"redact_pii":   {16, false, func(f *form, s string) error { return parseBool(s, &f.options.RedactPII) }},
	"redact_audio": {16, false, func(f *form, s string) error { return parseBool(s, &f.options.RedactAudio) }},
	"metadata":     {api.MaxMetadata, false, (*form).setMetadata},
	"instructions": {api.MaxInstructions * utf8.UTFMax, false, (*form).setInstructions},
	"language":     {64, false, (*form).setLanguage},
	"mode":         {64, false, func(f *form, s string) error { return oneOf(s, &f.options.Mode, "polished", "verbatim") }},
	"channels":     {64, false, func(f *form, s string) error { return oneOf(s, &f.options.Channels, "mix", "split") }},
	"speakers":     {16, false, func(f *form, s string) error { f.options.Speakers = s; return nil }},
	"plan":         {64, false, func(f *form, s string) error { return oneOf(s, &f.options.Plan, "lite", "pro", "unlimited") }},
	"model":        {256, false, func(f *form, s string) error { f.options.Model = s; return nil }},
	"webhook_id":   {64, true, (*form).addWebhook},
	"size":         {32, false, (*form).setSize},
}

func newForm() *form { return &form{size: -1, seen: map[string]bool{}} }

// set reads the value of one field. Errors name the field.
func (f *form) set(name string, value io.Reader) error {
	spec, ok := fields[name]
	if !ok {
		return unknownField(name)
	}
	if f.seen[name] && !spec.repeat {
		return api.Errorf(api.Invalid, "the field %s stands there twice", name)
	}
	f.seen[name] = true
	data, err := io.ReadAll(io.LimitReader(value, int64(spec.limit)+1))
	if err != nil {
		return err
	}
	if len(data) > spec.limit {
		return api.Errorf(api.TooLarge, "the field %s is over %d bytes", name, spec.limit)
	}
	if !utf8.Valid(data) {
		return api.Errorf(api.Invalid, "%s: not UTF-8", name)
	}
	if err := spec.set(f, string(data)); err != nil {
		var known *api.Error
		if errors.As(err, &known) {
			return err
		}
		return api.Errorf(api.Invalid, "%s: %v", name, err)
	}
	return nil
}

func unknownField(name string) error {
	known := make([]string, 0, len(fields)+1)
	for k := range fields {
		known = append(known, k)
	}
	known = append(known, "file", "audio")
	slices.Sort(known)
	if near := api.Nearest(name, known); near != "" {
		return api.Errorf(api.Invalid, "unknown field %q; did you mean %q?", name, near)
	}
	return api.Errorf(api.Invalid, "unknown field %q; there are: %s", name, strings.Join(known, ", "))
}

func parseBool(s string, into *bool) error {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "true", "yes", "on":
		*into = true
	case "0", "false", "no", "off", "":
		*into = false
	default:
		return fmt.Errorf("got %q, want true or false", s)
	}
	return nil
}

func oneOf(s string, into *string, allowed ...string) error {
	if s != "" && !slices.Contains(allowed, s) {
		return fmt.Errorf("got %q, want %s", s, strings.Join(allowed, " or "))
	}
	*into = s
	return nil
}

func (f *form) setMetadata(s string) error {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	canonical, err := webhook.Canonical([]byte(s))
	if err != nil {
		return err
	}
	f.metadata = canonical
	return nil
}

func (f *form) setInstructions(s string) error {
	if n := utf8.RuneCountInString(s); n > api.MaxInstructions {
		return api.Errorf(api.TooLarge, "instructions: got %d characters, and at most %d are allowed", n, api.MaxInstructions)
	}
	f.options.Instructions = s
	return nil
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func (f *form) setLanguage(s string) error {
	if s == "auto" {
		s = ""
	}
	if s != "" && !languageTag.MatchString(s) {
		return fmt.Errorf("got %q, want a language tag such as en or de-AT", s)
	}
	f.options.Language = s
	return nil
}

func (f *form) addWebhook(s string) error {
	if !api.ValidID(api.WebhookPrefix, s) {
		return fmt.Errorf("got %q, want an id that begins with %s", s, api.WebhookPrefix)
	}
	if !slices.Contains(f.webhooks, s) {
		f.webhooks = append(f.webhooks, s)
	}
	return nil
}

func (f *form) setSize(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("got %q, want a number of bytes", s)
	}
	f.size = n
	return nil
}
