package httpapi

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
)

// form is what a submission says besides the audio.
type form struct {
	api.Options
	Async    bool `json:"async"`
	metadata []byte
	webhooks []string
	size     int64 // what the client says the audio has, -1 when it does not say
	seen     map[string]bool
}

func newForm() *form { return &form{size: -1, seen: map[string]bool{}} }

// set reads the value of one field. Errors name the field.
func (f *form) set(name string, value io.Reader) error {
	option, err := formOption(name)
	if err != nil {
		return err
	}
	if f.seen[name] && option.Kind != api.KindList {
		return api.Errorf(api.Invalid, "the field %s is given more than once", name)
	}
	f.seen[name] = true
	limit := option.Limit()
	if option.Kind != api.KindJSON {
		limit *= utf8.UTFMax
	}
	data, err := io.ReadAll(io.LimitReader(value, int64(limit)+1))
	if err != nil {
		return err
	}
	if len(data) > limit {
		return api.Errorf(api.TooLarge, "the field %s is too long: at most %d characters are allowed", name, option.Limit())
	}
	if !utf8.Valid(data) {
		return api.Errorf(api.Invalid, "%s: not UTF-8", name)
	}
	return inField(name, f.put(option, string(data)))
}

// inField returns err with the name of the field that it is about. An error
// without a Code becomes api.Invalid.
func inField(field string, err error) error {
	var known *api.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return api.Errorf(known.Code, "%s: %s", field, known.Message)
	}
	return api.Errorf(api.Invalid, "%s: %v", field, err)
}

// put stores the value of an option.
func (f *form) put(option api.Option, value string) error {
	switch option.Name {
	case api.OptionMetadata:
		return f.setMetadata(value)
	case api.OptionWebhooks:
		return f.addWebhook(value)
	case api.OptionSize:
		return f.setSize(value)
	}
	return option.Set(f, value)
}

// formOption returns the option that a field of the form sets.
func formOption(field string) (api.Option, error) {
	known := []string{"file", "audio"}
	for _, o := range api.OptionsOn(api.OnForm) {
		if o.FormField() == field {
			return o, nil
		}
		known = append(known, o.FormField())
	}
	if near := api.Nearest(field, known); near != "" {
		return api.Option{}, api.Errorf(api.Invalid, "unknown field %q; did you mean %q?", field, near)
	}
	slices.Sort(known)
	return api.Option{}, api.Errorf(api.Invalid, "unknown field %q; the fields are %s", field, strings.Join(known, ", "))
}

func (f *form) setMetadata(s string) error {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	canonical, err := eventbody.Metadata([]byte(s))
	if err != nil {
		return err
	}
	f.metadata = canonical
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
