package main

import (
	"fmt"
	"math"

	"github.com/voxparse/voxparse/api"
)

const (
	// leastTrust is the mean chance of a token below which it is uncertain that
	// the recording is in the model's language. English has 0.75 to 0.99, noisy
	// English too; German, Spanish, French, Italian, Japanese and Portuguese
	// have 0.27 to 0.55.
	leastTrust = 0.6
	// enoughTokens is how many tokens it takes to say so.
	enoughTokens = 12
)

// trust is how well the recording fits the language of the model: the mean
// chance of a token, 0-1; nil where the model does not tell.
func (j *job) trust() *float64 {
	if j.tokens == 0 {
		return nil
	}
	t := hundredths(math.Exp(j.score / float64(j.tokens)))
	return &t
}

// doubt is the notice that the language is uncertain.
func (j *job) doubt() []api.Notice {
	t := j.trust()
	if t == nil || *t >= leastTrust || j.tokens < enoughTokens {
		return nil
	}
	return []api.Notice{{Code: api.NoticeLanguage, Message: fmt.Sprintf(
		"the text is uncertain: there is much noise, or this is another language than %q, the only one that the model %s knows (others: voxparse models list)",
		j.task.Model.Language, j.task.Model.Name)}}
}
