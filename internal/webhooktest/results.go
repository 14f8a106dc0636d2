package webhooktest

import (
	"fmt"
	"math"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// JobID is the job of every result that is made here.
const JobID = "job_01kqe5v4n0exampleexample01"

// Result returns a short result with a bit of everything in it.
func Result() *api.Result {
	c := 0.93
	return &api.Result{
		JobID: JobID, DurationSeconds: 2760, Language: "en", Model: "moonshine-tiny", Text: "Hello & welcome. <Hi>",
		Segments: []api.Segment{{Start: 0, End: 1.5, Speaker: "A", Text: "Hello & welcome.", Confidence: &c}, {Start: 1e-7, End: 2, Text: "<Hi>"}},
		Words:    []api.Word{{Start: 0, End: 0.5, Text: "Hello"}},
		AIAnalysis: &api.Analysis{Method: api.MethodBuiltin, Summary: []api.Quote{{Ref: api.Ref{Segment: 0}, Text: "Hello & welcome."}},
			Sentiment: &api.Sentiment{Label: api.SentimentNeutral, Score: math.Copysign(0, -1)}},
		Redactions: map[string]int{"ssn": 1, "card_number": 2},
	}
}

// Call returns the result of a call of so many minutes, spoken without a pause.
func Call(minutes int) *api.Result {
	words := strings.Fields("so what I wanted to ask about the invoice is whether you could send it again please because the number on it was not the one we agreed upon last week")
	r := &api.Result{JobID: JobID, Language: "en", Model: "moonshine-tiny", DurationSeconds: float64(minutes) * 60, AIAnalysis: &api.Analysis{Method: "builtin"}}
	n := 0
	for at := 0.0; at < r.DurationSeconds; at += 9 {
		var said []string
		for range 21 {
			said = append(said, words[n%len(words)])
			n++
		}
		text := strings.Join(said, " ")
		r.Segments = append(r.Segments, api.Segment{Start: at, End: at + 8.43, Speaker: "A", Text: text})
		r.Text += text + " "
	}
	for i := range 40 {
		r.AIAnalysis.Topics = append(r.AIAnalysis.Topics, api.Topic{Label: fmt.Sprint("topic ", i), Score: 0.5})
	}
	return r
}
