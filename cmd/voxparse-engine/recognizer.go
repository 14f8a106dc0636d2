package main

import (
	"fmt"
	"math"
	"strings"

	sherpa "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// recognizer turns samples into text on the thread that calls it, and no
// other. It is not safe for concurrent use.
type recognizer interface {
	// recognize returns what is said in each of feeds, at most 25 s each.
	recognize(feeds [][]float32) ([]heard, error)
	close()
}

// sherpaRecognizer recognizes with sherpa-onnx, one stretch after the other.
type sherpaRecognizer struct {
	sherpa    *sherpa.OfflineRecognizer
	generates bool
	steps     func() // called after each stretch
}

// heard is what a recognizer made of a stretch of audio. Times are seconds
// from the first sample of the stretch.
type heard struct {
	text       string
	tokens     []string
	words      []api.Word // nil where the model gives no times
	language   string
	confidence *float64
	generated  bool    // a token after the other, which may loop
	scored     bool    // score is there
	score      float64 // sum of the logarithms of the chances of the tokens and the end
}

// newSherpa loads m. A damaged file of a model ends the process.
func newSherpa(m engine.Model, language string, steps func()) (recognizer, error) {
	c, err := configuration(m, language)
	if err != nil {
		return nil, err
	}
	r := sherpa.NewOfflineRecognizer(c)
	if r == nil {
		return nil, fmt.Errorf("model %s could not be loaded; check it with: voxparse models verify %s", m.Name, m.Name)
	}
	return &sherpaRecognizer{r, families[m.Family].generates, steps}, nil
}

// close frees the model.
func (r *sherpaRecognizer) close() { sherpa.DeleteOfflineRecognizer(r.sherpa) }

func (r *sherpaRecognizer) recognize(feeds [][]float32) ([]heard, error) {
	out := make([]heard, len(feeds))
	for i, f := range feeds {
		out[i] = r.one(f)
		r.steps()
	}
	return out, nil
}

// one returns what is said in samples.
func (r *sherpaRecognizer) one(samples []float32) heard {
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
