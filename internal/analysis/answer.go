package analysis

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/voxparse/voxparse/api"
)

// answer is what a model writes. Pointers tell what is missing.
type answer struct {
	Summary   *[]answerItem `json:"summary"`
	Sentiment *struct {
		Label string   `json:"label"`
		Score *float64 `json:"score"`
	} `json:"sentiment"`
	Speakers []struct {
		Speaker string   `json:"speaker"`
		Score   *float64 `json:"score"`
	} `json:"speakers"`
	Topics      *[]answerItem `json:"topics"`
	ActionItems *[]answerItem `json:"action_items"`
	Questions   *[]answerItem `json:"questions"`
	Answer      string        `json:"answer"`
}

// answerItem is any item of a list: a quotation, a topic, an action item.
type answerItem struct {
	Text    string `json:"text"`
	Label   string `json:"label"`
	Owner   string `json:"owner"`
	Due     string `json:"due"`
	Segment *int   `json:"segment"`
}

// parseAnswer reads and checks what a model wrote. Its errors are *failure,
// with a hint for another try.
func parseAnswer(content string, p prompt) (*answer, error) {
	bad := func(format string, args ...any) error {
		return &failure{why: "did not answer in the agreed form", again: true, hint: fmt.Sprintf(format, args...)}
	}
	if i := strings.LastIndex(content, "</think>"); i >= 0 {
		content = content[i:]
	}
	from, to := strings.IndexByte(content, '{'), strings.LastIndexByte(content, '}')
	if from < 0 || to < from {
		return nil, bad("It held no JSON object.")
	}
	var a answer
	if err := json.Unmarshal([]byte(content[from:to+1]), &a); err != nil {
		return nil, bad("It was not valid JSON of the form above.")
	}
	lists := []struct {
		name  string
		items *[]answerItem
	}{{"summary", a.Summary}, {"topics", a.Topics}, {"action_items", a.ActionItems}, {"questions", a.Questions}}
	for _, l := range lists {
		if l.items == nil {
			return nil, bad("%q was missing.", l.name)
		}
		for _, it := range *l.items {
			if it.Segment == nil || *it.Segment < p.chunk.from || *it.Segment >= p.chunk.to {
				return nil, bad("An item of %q had no \"segment\" from %d to %d.", l.name, p.chunk.from, p.chunk.to-1)
			}
		}
	}
	if len(*a.Summary) == 0 && p.chunk.size > 400 {
		return nil, bad("\"summary\" was empty.")
	}
	s := a.Sentiment
	if s == nil || !validScore(s.Score) || (s.Label != api.SentimentPositive && s.Label != api.SentimentNeutral && s.Label != api.SentimentNegative) {
		return nil, bad("\"sentiment\" needs a label and a score from -1 to 1.")
	}
	for _, sp := range a.Speakers {
		if !validScore(sp.Score) {
			return nil, bad("Every entry of \"speakers\" needs a score from -1 to 1.")
		}
	}
	return &a, nil
}

func validScore(v *float64) bool { return v != nil && *v >= -1 && *v <= 1 }

// maxFreeAnswer is how many characters the answer to instructions may have.
const maxFreeAnswer = 4000

// clean returns text of a model without control characters, in one line,
// clipped to maxQuote.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return clip(strings.Join(strings.Fields(s), " "))
}

// cleanAnswer keeps lines, for an answer may be a list.
func cleanAnswer(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > maxFreeAnswer {
		s = string(runes[:maxFreeAnswer]) + "…"
	}
	return strings.TrimSpace(s)
}

// merge makes one analysis of the answers to the chunks of r.
func merge(r *api.Result, chunks []chunk, parts []*answer) *api.Analysis {
	m := merger{r: r, out: &api.Analysis{
		Summary: []api.Quote{}, Topics: []api.Topic{}, ActionItems: []api.ActionItem{}, Questions: []api.Quote{},
	}, moods: map[string]*moodSum{}, topics: map[string]bool{}}
	share := max(2, (maxSummary+len(parts)-1)/len(parts)) // of the summary, for each part
	var whole moodSum
	var answers []string
	for i, a := range parts {
		m.add(a, share)
		w := float64(chunks[i].size + 1)
		whole.score, whole.weight = whole.score+*a.Sentiment.Score*w, whole.weight+w
		for _, sp := range a.Speakers {
			if m.moods[sp.Speaker] == nil {
				m.moods[sp.Speaker] = &moodSum{}
			}
			m.moods[sp.Speaker].score += *sp.Score * w
			m.moods[sp.Speaker].weight += w
		}
		if s := cleanAnswer(a.Answer); s != "" {
			answers = append(answers, s)
		}
	}
	m.rankTopics(parts)
	m.out.Answer = strings.Join(answers, "\n")
	m.out.Sentiment = &api.Sentiment{Score: whole.mean(), Label: label(whole.mean())}
	for _, who := range speakers(r) {
		if s := m.moods[who]; s != nil {
			m.out.Sentiment.BySpeaker = append(m.out.Sentiment.BySpeaker, api.SpeakerSentiment{Speaker: who, Score: s.mean(), Label: label(s.mean())})
		}
	}
	return m.out
}

type merger struct {
	r      *api.Result
	out    *api.Analysis
	moods  map[string]*moodSum
	topics map[string]bool
}

func (m *merger) ref(segment int) api.Ref {
	s := &m.r.Segments[segment]
	return api.Ref{Segment: segment, Start: round(s.Start, 2), Speaker: s.Speaker}
}

// add adds the lists of a, each within its limit.
func (m *merger) add(a *answer, share int) {
	for i, it := range *a.Summary {
		if text := clean(it.Text); text != "" && i < share {
			m.out.Summary = append(m.out.Summary, api.Quote{Ref: m.ref(*it.Segment), Text: text})
		}
	}
	for _, it := range *a.ActionItems {
		if text := clean(it.Text); text != "" && len(m.out.ActionItems) < maxItems {
			m.out.ActionItems = append(m.out.ActionItems, api.ActionItem{Ref: m.ref(*it.Segment), Text: text, Owner: clean(it.Owner), Due: clean(it.Due)})
		}
	}
	for _, it := range *a.Questions {
		if text := clean(it.Text); text != "" && len(m.out.Questions) < maxItems {
			m.out.Questions = append(m.out.Questions, api.Quote{Ref: m.ref(*it.Segment), Text: text})
		}
	}
}

// rankTopics takes the first topic of each part, then the second of each, and
// so on. The model gives an order only: the score follows the rank.
func (m *merger) rankTopics(parts []*answer) {
	text := strings.ToLower(m.r.Text)
	for rank := range maxTopics {
		for _, a := range parts {
			if rank >= len(*a.Topics) || len(m.out.Topics) == maxTopics {
				continue
			}
			it := (*a.Topics)[rank]
			name := clean(it.Label)
			key := strings.ToLower(name)
			if name == "" || m.topics[key] {
				continue
			}
			m.topics[key] = true
			n := len(m.out.Topics)
			m.out.Topics = append(m.out.Topics, api.Topic{
				Ref: m.ref(*it.Segment), Label: name, Mentions: max(1, strings.Count(text, key)),
				Score: round(1-float64(n)/maxTopics, 3),
			})
		}
	}
}
