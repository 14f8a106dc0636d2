package jobs

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models"
)

// Defaults are what holds for a job that does not say.
type Defaults struct {
	Model        string // "": the default of package models
	SpeakerModel string // "": the default of package models
	Language     string // BCP 47; "": automatic
	Mode         api.Mode
	Plan         api.Plan
}

// Catalog is what a job can ask for on this machine.
type Catalog struct {
	Defaults Defaults
	Engines  map[string]config.Engine // recognizers besides those of Models, by name
	Models   *models.Store
}

// Model returns the name of the model that a job with these options uses.
func (c Catalog) Model(o api.Options) string {
	switch {
	case o.Model != "":
		return o.Model
	case c.Defaults.Model != "":
		return c.Defaults.Model
	}
	return models.Default
}

// Names returns the names of the models and engines that a job can name, the
// default one first.
func (c Catalog) Names() []string {
	names := slices.Collect(maps.Keys(c.Engines))
	for _, e := range c.Models.Entries() {
		if e.Kind == "" || e.Kind == models.KindSpeech {
			names = append(names, e.Name)
		}
	}
	first := c.Model(api.Options{})
	slices.Sort(names)
	return slices.Concat([]string{first}, slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == first }))
}

// Plan returns the plan that a job with these options is done under.
func (c Catalog) Plan(o api.Options) api.Plan {
	if o.Plan != "" {
		return o.Plan
	}
	return c.Defaults.Plan
}

// SpeakerModel returns the name of the model that tells speakers apart.
func (c Catalog) SpeakerModel() string {
	if c.Defaults.SpeakerModel != "" {
		return c.Defaults.SpeakerModel
	}
	return models.Speakers
}

// MaxAttempts returns how often a job with these options is tried, 0 for the
// store's own limit.
func (c Catalog) MaxAttempts(o api.Options) int {
	if e, ok := c.Engines[c.Model(o)]; ok && e.Type != "sherpa" {
		return remoteAttempts
	}
	return 0
}

// Check refuses, at submission, options with which nothing can be recognized.
// The error is api.Invalid.
func (c Catalog) Check(o api.Options) error {
	if err := c.checkSpeakers(o); err != nil {
		return err
	}
	name := c.Model(o)
	if _, ok := c.Engines[name]; ok {
		return nil
	}
	entry, err := c.Models.Lookup(name)
	switch {
	case errors.Is(err, api.NotFound):
		return api.Errorf(api.Invalid, "model: %v", err)
	case err != nil:
		return err
	case entry.Kind != "" && entry.Kind != models.KindSpeech:
		return api.Errorf(api.Invalid, "model: %s recognizes no words", name)
	}
	if o.Language == "" || len(entry.Languages) == 0 {
		return nil
	}
	base, _, _ := strings.Cut(strings.ToLower(o.Language), "-")
	for _, l := range entry.Languages {
		if l, _, _ := strings.Cut(strings.ToLower(l), "-"); l == base {
			return nil
		}
	}
	return api.Errorf(api.Invalid, "language: the model %s recognizes %s, not %q; choose another with model", name, strings.Join(entry.Languages, ", "), o.Language)
}

// checkSpeakers refuses speakers that can never be told apart.
func (c Catalog) checkSpeakers(o api.Options) error {
	if o.Speakers == "" {
		return nil
	}
	if _, err := o.SpeakerCount(); err != nil {
		return api.Errorf(api.Invalid, "speakers: %v", err)
	}
	if o.Channels == api.ChannelsSplit {
		return api.Errorf(api.Invalid, "speakers: with channels=split each channel is a speaker; leave one of the two out")
	}
	entry, err := c.Models.Lookup(c.SpeakerModel())
	switch {
	case errors.Is(err, api.NotFound):
		return api.Errorf(api.Invalid, "speakers: the setting speaker_model is wrong: %v", err)
	case err != nil:
		return err
	case entry.Kind != models.KindSpeakers:
		return api.Errorf(api.Invalid, "speakers: the setting speaker_model is wrong: %s tells no speakers apart", entry.Name)
	}
	return nil
}
