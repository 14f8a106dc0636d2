package analysis

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// maxPhrase is how many words a topic may have.
const maxPhrase = 3

// phrase is a candidate for a topic.
type phrase struct {
	words    []string // as first said
	key      string   // stems
	mentions int
	first    int // sentence
	score    float64
}

// topics returns what is spoken of most: words and phrases between stop words
// (as RAKE cuts them), by how often they come and how long they are. A word
// that comes mostly within a chosen phrase is left out.
func (t *talk) topics() []api.Topic {
	byKey := map[string]*phrase{}
	var all []*phrase
	for i := range t.sentences {
		for _, words := range contentRuns(t.sentences[i].words) {
			for n := 1; n <= min(maxPhrase, len(words)); n++ {
				for at := 0; at+n <= len(words); at++ {
					key := stems(words[at : at+n])
					p := byKey[key]
					if p == nil {
						p = &phrase{words: words[at : at+n], key: key, first: i}
						byKey[key] = p
						all = append(all, p)
					}
					p.mentions++
				}
			}
		}
	}
	return t.ranked(all)
}

// ranked scores the phrases and takes the best that do not repeat each other.
func (t *talk) ranked(all []*phrase) []api.Topic {
	once := len(t.sentences) < 12 // in a short talk, what is said once may count
	kept := all[:0]
	for _, p := range all {
		if p.mentions < 2 && !once || len(p.words) == 1 && len(p.words[0]) < 3 {
			continue
		}
		long := 0
		for _, w := range p.words {
			long += len(w)
		}
		p.score = float64(p.mentions) * (1 + 0.6*float64(len(p.words)-1)) * math.Log(2+float64(long)/float64(len(p.words)))
		if len(p.words) > 1 && p.mentions < 2 {
			p.score *= 0.6
		}
		kept = append(kept, p)
	}
	slices.SortStableFunc(kept, func(a, b *phrase) int { return cmp.Compare(b.score, a.score) })
	var chosen []*phrase
	for _, p := range kept {
		if len(chosen) == maxTopics {
			break
		}
		if !repeats(chosen, p) {
			chosen = append(chosen, p)
		}
	}
	out := make([]api.Topic, len(chosen))
	for i, p := range chosen {
		out[i] = api.Topic{
			Ref:   t.ref(&t.sentences[p.first]),
			Label: clip(strings.Join(p.words, " ")), Mentions: p.mentions,
			Score: round(p.score/chosen[0].score, 3),
		}
	}
	return out
}

// repeats reports whether p says what one of chosen says: one is in the other.
func repeats(chosen []*phrase, p *phrase) bool {
	for i, c := range chosen {
		within := strings.Contains(" "+c.key+" ", " "+p.key+" ")
		around := strings.Contains(" "+p.key+" ", " "+c.key+" ")
		if around && p.mentions*3 >= c.mentions*2 {
			chosen[i] = p // the phrase says more than its word
			return true
		}
		if within || around {
			return true
		}
	}
	return false
}

// contentRuns returns the rows of words between stop words and numbers.
func contentRuns(words []string) [][]string {
	var out [][]string
	from := 0
	for i := 0; i <= len(words); i++ {
		if i < len(words) && !stopWord(words[i]) {
			continue
		}
		if i > from {
			out = append(out, words[from:i])
		}
		from = i + 1
	}
	return out
}

func stems(words []string) string {
	if len(words) == 1 {
		return stem(words[0])
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = stem(w)
	}
	return strings.Join(out, " ")
}
