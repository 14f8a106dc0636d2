package main

import (
	"fmt"
	"math"
	"strings"

	sherpa "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
)

// recogniser turns samples into text on the thread that calls it, and no
// other. It is not safe for concurrent use.
type recogniser struct {
	sherpa    *sherpa.OfflineRecognizer
	generates bool
}

// heard is what a recogniser made of a stretch of audio. Times are seconds
// from the first sample of the stretch.
type heard struct {
	text       string
	tokens     []string
	words      []api.Word // nil where the model gives no times
	language   string
	confidence *float64
	generated  bool // a token after the other, which may loop
}

// newRecogniser loads m. A damaged file of a model ends the process.
func newRecogniser(m engine.Model, language string) (*recogniser, error) {
	c, err := configuration(m, language)
	if err != nil {
		return nil, err
	}
	r := sherpa.NewOfflineRecognizer(c)
	if r == nil {
		return nil, fmt.Errorf("model %s could not be loaded; check it with: voxparse models verify %s", m.Name, m.Name)
	}
	return &recogniser{r, families[m.Family].generates}, nil
}

// close frees the model.
func (r *recogniser) close() { sherpa.DeleteOfflineRecognizer(r.sherpa) }

// recognise returns what is said in samples, at most 25 s of them.
func (r *recogniser) recognise(samples []float32) heard {
	if len(samples) == 0 {
		return heard{} // sherpa panics on an empty slice
	}
	s := sherpa.NewOfflineStream(r.sherpa)
	defer sherpa.DeleteOfflineStream(s)
	s.AcceptWaveform(sampleRate, samples)
	r.sherpa.Decode(s)
	res := s.GetResult()
	h := heard{text: strings.TrimSpace(res.Text), tokens: res.Tokens, language: bareLanguage(res.Lang)}
	h.generated = r.generates
	if len(res.Timestamps) == len(res.Tokens) {
		h.words = wordsOf(h.text, tokenTimes(res.Tokens, res.Timestamps, res.Durations, float64(len(samples))/sampleRate))
	}
	if len(res.YsLogProbs) == len(res.Tokens) && len(res.Tokens) > 0 {
		h.confidence = confidence(res.YsLogProbs)
	}
	return h
}

// bareLanguage makes "en" of "<|en|>", and nothing of "<|nospeech|>".
func bareLanguage(s string) string {
	if s = strings.Trim(s, "<|>"); len(s) == 2 || len(s) == 3 {
		return s
	}
	return ""
}

// confidence is the mean probability of a token, 0-1, in two decimals.
func confidence(logs []float32) *float64 {
	var sum float64
	for _, l := range logs {
		sum += float64(l)
	}
	c := math.Round(100*math.Exp(sum/float64(len(logs)))) / 100
	if math.IsNaN(c) || c < 0 || c > 1 {
		return nil
	}
	return &c
}
