package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/voxparse/voxparse/api"
)

// Limits of a request.
const (
	MaxQuery  = 1000   // bytes of its words
	MaxOffset = 10_000 // transcripts passed over
)

// lookup is what a person's words look for.
type lookup struct {
	query *query.BooleanQuery
	parts []part // all must have been said
}

// part is one word, phrase, beginning or guess.
type part struct {
	query query.Query
	says  func(term string) bool // whether a term of the index is what is looked for
}

// parse reads the words of a person. Nothing in them is a syntax error. Words
// that are not indexed ("the") need not match.
func parse(words string, analyzer analysis.Analyzer) (lookup, error) {
	if len(words) > MaxQuery {
		return lookup{}, api.Errorf(api.Invalid, "the query is longer than %d bytes", MaxQuery)
	}
	w := lookup{query: bleve.NewBooleanQuery()}
	for _, t := range terms(words) {
		var stems []string
		for _, token := range analyzer.Analyze([]byte(t.text)) {
			stems = append(stems, string(token.Term))
		}
		if len(stems) == 0 {
			continue
		}
		p := t.part(stems)
		if t.not {
			w.query.AddMustNot(p.query)
			continue
		}
		w.query.AddMust(p.query)
		w.parts = append(w.parts, p)
	}
	if len(w.parts) == 0 {
		return lookup{}, api.Errorf(api.Invalid, "nothing to search for: give a word that was said")
	}
	return w, nil
}

// term is one word of a query, or several in quotes.
type term struct {
	text        string
	kind        termKind
	quoted, not bool
}

type termKind int

const (
	exact     termKind = iota
	begins             // refund*
	resembles          // dashwod~
)

// terms cuts a query at white space outside of quotes.
func terms(q string) []term {
	var out []term
	for {
		q = strings.TrimLeftFunc(q, unicode.IsSpace)
		if q == "" {
			return out
		}
		var t term
		if strings.HasPrefix(q, "-") && len(q) > 1 {
			t.not, q = true, q[1:]
		}
		if strings.HasPrefix(q, `"`) {
			t.text, q, t.quoted = q[1:], "", true
			if i := strings.IndexByte(t.text, '"'); i >= 0 {
				t.text, q = t.text[:i], t.text[i+1:]
			}
		} else {
			i := strings.IndexFunc(q, unicode.IsSpace)
			if i < 0 {
				i = len(q)
			}
			t.text, q = q[:i], q[i:]
			t.text, t.kind = kindOf(t.text)
		}
		if strings.IndexFunc(t.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0 {
			out = append(out, t)
		}
	}
}

// kindOf takes the mark off the end of a word.
func kindOf(word string) (string, termKind) {
	switch bare := strings.TrimRight(word, "*~"); {
	case bare == word:
		return word, exact
	case utf8.RuneCountInString(bare) < 2:
		return bare, exact // too little to go by
	case word[len(bare)] == '*':
		return bare, begins
	default:
		return bare, resembles
	}
}

// part returns what t, of which the index knows the stems, looks for.
func (t term) part(stems []string) part {
	among := func(said string) bool {
		for _, s := range stems {
			if s == said {
				return true
			}
		}
		return false
	}
	if t.quoted {
		q := bleve.NewMatchPhraseQuery(t.text)
		q.SetField("text")
		return part{q, among}
	}
	word := bleve.NewMatchQuery(t.text)
	word.SetField("text")
	word.SetOperator(query.MatchQueryOperatorAnd)
	stem := stems[len(stems)-1]
	switch {
	case t.kind == begins:
		// The index holds stems: "machin" for machine, which does not begin
		// with the word as it is written.
		head := strings.ToLower(t.text)
		q := bleve.NewPrefixQuery(head)
		q.SetField("text")
		return part{bleve.NewDisjunctionQuery(word, q), func(said string) bool { return strings.HasPrefix(said, head) || among(said) }}
	case t.kind == resembles && len(stems) == 1 && letters(stem) > 0:
		q := bleve.NewFuzzyQuery(stem)
		q.SetField("text")
		q.SetFuzziness(letters(stem))
		return part{q, func(said string) bool { return search.LevenshteinDistance(stem, said) <= utf8.UTFMax*letters(stem) }}
	}
	return part{word, among}
}

// letters is how many letters of a word may be others: none of a very short
// one, two of a long one.
func letters(word string) int {
	switch n := utf8.RuneCountInString(word); {
	case n < 3:
		return 0
	case n < 6:
		return 1
	}
	return 2
}
