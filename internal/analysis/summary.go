package analysis

import (
	"math"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// Lengths of a sentence, in words, that can stand in a summary.
const (
	minSummaryWords = 5
	maxSummaryWords = 60
)

// weights is the place of a sentence among all words: term numbers ascending,
// with weights that make its length one.
type weights struct {
	terms []int
	value []float64
}

// summary returns the sentences that have most in common with all others:
// the degree of each in the graph of cosine similarities. The sum of the
// similarities of one sentence to all is its product with the sum of all, so
// it takes a time linear in the talk. A sentence that says what is chosen
// already counts less.
func (t *talk) summary() []api.Quote {
	vectors, terms := t.vectors()
	total := make([]float64, terms)
	for i := range vectors {
		for k, term := range vectors[i].terms {
			total[term] += vectors[i].value[k]
		}
	}
	score := make([]float64, len(vectors))
	var order []int
	for i := range vectors {
		s := &t.sentences[i]
		if len(s.words) < minSummaryWords || len(s.words) > maxSummaryWords || s.asks || len(vectors[i].terms) < 3 {
			continue
		}
		score[i] = vectors[i].dot(total) / math.Sqrt(float64(len(t.sentences)))
		if len(s.words) > 30 {
			score[i] *= 30 / float64(len(s.words))
		}
		order = append(order, i)
	}
	want := min(maxSummary, max(1, len(t.sentences)/8))
	if len(order) == 0 {
		return t.longest()
	}
	chosen := pick(vectors, score, order, want, terms)
	slices.Sort(chosen)
	out := make([]api.Quote, len(chosen))
	for k, i := range chosen {
		out[k] = t.quote(&t.sentences[i])
	}
	return out
}

// pick takes the best of order one by one, each time lowering the score of
// what resembles the chosen ones.
func pick(vectors []weights, score []float64, order []int, want, terms int) []int {
	var chosen []int
	dense := make([]float64, terms)
	for len(chosen) < want && len(order) > 0 {
		best := 0
		for k := range order {
			if score[order[k]] > score[order[best]] {
				best = k
			}
		}
		i := order[best]
		if score[i] <= 0 {
			break
		}
		chosen = append(chosen, i)
		order = slices.Delete(order, best, best+1)
		for k, term := range vectors[i].terms {
			dense[term] = vectors[i].value[k]
		}
		for _, j := range order {
			score[j] *= 1 - vectors[j].dot(dense)
		}
		for _, term := range vectors[i].terms {
			dense[term] = 0
		}
	}
	return chosen
}

// longest returns the longest sentence of a talk that is too short to compare.
func (t *talk) longest() []api.Quote {
	best := -1
	for i := range t.sentences {
		if best < 0 || len(t.sentences[i].words) > len(t.sentences[best].words) {
			best = i
		}
	}
	if best < 0 {
		return []api.Quote{}
	}
	return []api.Quote{t.quote(&t.sentences[best])}
}

// vectors weighs the words of each sentence by how rare they are, without stop
// words, and returns how many terms there are.
func (t *talk) vectors() ([]weights, int) {
	number := map[string]int{}
	var seenIn []int // term → sentences that have it
	var last []int   // term → last sentence that had it
	lists := make([][]int, len(t.sentences))
	for i := range t.sentences {
		for _, w := range t.sentences[i].words {
			if stopWord(w) {
				continue
			}
			w = stem(w)
			n, ok := number[w]
			if !ok {
				n = len(seenIn)
				number[w] = n
				seenIn, last = append(seenIn, 0), append(last, -1)
			}
			if last[n] != i {
				seenIn[n]++
				last[n] = i
			}
			lists[i] = append(lists[i], n)
		}
	}
	out := make([]weights, len(lists))
	for i, list := range lists {
		out[i] = weigh(list, seenIn, len(lists))
	}
	return out, len(seenIn)
}

func weigh(list, seenIn []int, sentences int) weights {
	slices.Sort(list)
	var w weights
	length := 0.0
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j] == list[i] {
			j++
		}
		v := float64(j-i) * math.Log(1+float64(sentences)/float64(seenIn[list[i]]))
		w.terms, w.value = append(w.terms, list[i]), append(w.value, v)
		length += v * v
		i = j
	}
	for i := range w.value {
		w.value[i] /= math.Sqrt(length)
	}
	return w
}

func (w weights) dot(dense []float64) float64 {
	sum := 0.0
	for k, term := range w.terms {
		sum += w.value[k] * dense[term]
	}
	return sum
}

// stem takes the endings off a word that make one topic look like two.
func stem(w string) string {
	w = strings.TrimSuffix(w, "'s")
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 4 && (strings.HasSuffix(w, "sses") || strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes")):
		return w[:len(w)-2]
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:len(w)-1]
	}
	return w
}
