package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	sherpa "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"

	"github.com/voxparse/voxparse/internal/engine"
)

// family says how a kind of recognizer is configured. A new kind is a new row.
type family struct {
	roles     [][]string // sets of files; one of the sets must be there, besides the tokens
	generates bool       // its text comes a token after the other, and may loop
	set       func(c *sherpa.OfflineModelConfig, m engine.Model, language string)
}

// families is every kind of recognizer that this worker can load.
var families = map[string]family{
	"moonshine": {
		roles:     [][]string{{"encoder", "decoder"}, {"preprocessor", "encoder", "uncached_decoder", "cached_decoder"}},
		generates: true,
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, _ string) {
			c.Moonshine = sherpa.OfflineMoonshineModelConfig{
				Preprocessor: m.Files["preprocessor"], Encoder: m.Files["encoder"],
				UncachedDecoder: m.Files["uncached_decoder"], CachedDecoder: m.Files["cached_decoder"],
				MergedDecoder: m.Files["decoder"],
			}
		},
	},
	"whisper": {
		roles:     [][]string{{"encoder", "decoder"}},
		generates: true,
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, language string) {
			c.Whisper = sherpa.OfflineWhisperModelConfig{
				Encoder: m.Files["encoder"], Decoder: m.Files["decoder"],
				Language: language, Task: param(m, "task", "transcribe"),
				EnableTokenTimestamps: 1, // has no effect on a model that cannot
			}
		},
	},
	"transducer": {
		roles: [][]string{{"encoder", "decoder", "joiner"}},
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, _ string) {
			c.Transducer = sherpa.OfflineTransducerModelConfig{
				Encoder: m.Files["encoder"], Decoder: m.Files["decoder"], Joiner: m.Files["joiner"],
			}
		},
	},
	"sense_voice": {
		roles: [][]string{{"model"}},
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, language string) {
			c.SenseVoice = sherpa.OfflineSenseVoiceModelConfig{Model: m.Files["model"], Language: language, UseInverseTextNormalization: 1}
			if param(m, "itn", "true") == "false" {
				c.SenseVoice.UseInverseTextNormalization = 0
			}
		},
	},
	"paraformer": {
		roles: [][]string{{"model"}},
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, _ string) {
			c.Paraformer = sherpa.OfflineParaformerModelConfig{Model: m.Files["model"]}
		},
	},
	"nemo_ctc": {
		roles: [][]string{{"model"}},
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, _ string) {
			c.NemoCTC = sherpa.OfflineNemoEncDecCtcModelConfig{Model: m.Files["model"]}
		},
	},
	"zipformer_ctc": {
		roles: [][]string{{"model"}},
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, _ string) {
			c.ZipformerCtc = sherpa.OfflineZipformerCtcModelConfig{Model: m.Files["model"]}
		},
	},
	"canary": {
		roles:     [][]string{{"encoder", "decoder"}},
		generates: true,
		set: func(c *sherpa.OfflineModelConfig, m engine.Model, language string) {
			if language == "" {
				language = "en" // it finds out nothing
			}
			c.Canary = sherpa.OfflineCanaryModelConfig{
				Encoder: m.Files["encoder"], Decoder: m.Files["decoder"], SrcLang: language, TgtLang: language, UsePnc: 1,
			}
		},
	},
}

// whisperLanguages are the codes that every Whisper of many languages knows.
const whisperLanguages = " af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja jw ka kk km kn ko " +
	"la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh "

// configuration returns sherpa's for m, once its files are seen to be there: a
// missing or cut file would end the process.
func configuration(m engine.Model, language string) (*sherpa.OfflineRecognizerConfig, error) {
	f, ok := families[m.Family]
	if !ok {
		known := slices.Sorted(maps.Keys(families))
		return nil, fmt.Errorf("model %s is of the kind %q; this engine knows %s", m.Name, m.Family, strings.Join(known, ", "))
	}
	if !slices.ContainsFunc(f.roles, func(set []string) bool { return hasRoles(m, set) }) {
		return nil, fmt.Errorf("model %s lacks files: a %s model needs %s", m.Name, m.Family, strings.Join(f.roles[0], ", "))
	}
	if !hasRoles(m, []string{"tokens", "vad"}) {
		return nil, fmt.Errorf("model %s lacks its tokens or the voice activity model", m.Name)
	}
	if err := checkFiles(m, slices.Collect(maps.Keys(m.Files))...); err != nil {
		return nil, err
	}
	c := &sherpa.OfflineRecognizerConfig{DecodingMethod: param(m, "decoding", "greedy_search")}
	c.FeatConfig = sherpa.FeatureConfig{SampleRate: sampleRate, FeatureDim: 80}
	c.ModelConfig.Tokens = m.Files["tokens"]
	c.ModelConfig.NumThreads = 1
	c.ModelConfig.Provider = "cpu"
	c.ModelConfig.ModelType = param(m, "model_type", "")
	f.set(&c.ModelConfig, m, language)
	return c, nil
}

// checkFiles makes sure of the files of m with these roles: a missing one would
// end the process.
func checkFiles(m engine.Model, roles ...string) error {
	for _, role := range roles {
		fi, err := os.Stat(m.Files[role])
		switch {
		case err != nil:
			return fmt.Errorf("model %s: %s: %w", m.Name, role, err)
		case fi.Size() == 0:
			return fmt.Errorf("model %s: %s is empty", m.Name, m.Files[role])
		}
	}
	return nil
}

// hasRoles reports whether m names a file for every role.
func hasRoles(m engine.Model, roles []string) bool {
	for _, r := range roles {
		if m.Files[r] == "" {
			return false
		}
	}
	return true
}

// param returns a parameter of m, or the value that goes without saying.
func param(m engine.Model, name, otherwise string) string {
	if v := m.Params[name]; v != "" {
		return v
	}
	return otherwise
}
