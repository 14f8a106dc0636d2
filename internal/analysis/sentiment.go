package analysis

import (
	"sync"

	"github.com/jonreiter/govader"

	"github.com/voxparse/voxparse/api"
)

// lexicon is VADER, a published lexicon with rules for negation and emphasis.
// It is read once, and then only read.
var lexicon = sync.OnceValue(govader.NewSentimentIntensityAnalyzer)

// moodSum adds up the scores of sentences, each by its length in words, for a
// long complaint weighs more than a "thanks".
type moodSum struct {
	score, weight float64
}

func (m *moodSum) add(score float64, words int) {
	if score == 0 {
		m.weight += 0.25 * float64(words) // plain talk thins out a mood, but does not drown it
		return
	}
	m.score += score * float64(words)
	m.weight += float64(words)
}

func (m *moodSum) mean() float64 {
	if m.weight == 0 {
		return 0
	}
	return round(m.score/m.weight, 3)
}

// sentiment returns the mood of the talk and of its speakers, nil for a talk
// without words.
func (t *talk) sentiment() *api.Sentiment {
	if len(t.sentences) == 0 {
		return nil
	}
	var whole moodSum
	bySpeaker := map[string]*moodSum{}
	best, worst := -1, -1
	scores := make([]float64, len(t.sentences))
	for i := range t.sentences {
		s := &t.sentences[i]
		scores[i] = score(s.text)
		whole.add(scores[i], len(s.words))
		who := t.result.Segments[s.segment].Speaker
		if bySpeaker[who] == nil {
			bySpeaker[who] = &moodSum{}
		}
		bySpeaker[who].add(scores[i], len(s.words))
		if len(s.words) < 3 {
			continue
		}
		if best < 0 || scores[i] > scores[best] {
			best = i
		}
		if worst < 0 || scores[i] < scores[worst] {
			worst = i
		}
	}
	out := &api.Sentiment{Score: whole.mean(), Label: label(whole.mean())}
	if best >= 0 && scores[best] >= 0.05 {
		q := t.quote(&t.sentences[best])
		out.Highest = &q
	}
	if worst >= 0 && scores[worst] <= -0.05 {
		q := t.quote(&t.sentences[worst])
		out.Lowest = &q
	}
	for _, who := range speakers(t.result) {
		if m := bySpeaker[who]; m != nil {
			out.BySpeaker = append(out.BySpeaker, api.SpeakerSentiment{Speaker: who, Score: m.mean(), Label: label(m.mean())})
		}
	}
	return out
}

// score returns the compound score of one sentence, -1 to 1.
func score(text string) float64 {
	return round(lexicon().PolarityScores(text).Compound, 4)
}

func label(score float64) string {
	switch {
	case score >= 0.05:
		return api.SentimentPositive
	case score <= -0.05:
		return api.SentimentNegative
	}
	return api.SentimentNeutral
}
