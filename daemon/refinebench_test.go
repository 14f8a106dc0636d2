package daemon

import (
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// BenchmarkRefiningAnHourOfTalk is what an hour of a call costs after it is
// recognised: polished, masked and analysed by the built-in rules.
func BenchmarkRefiningAnHourOfTalk(b *testing.B) {
	lines := []string{
		"um so i'm calling about the refund for my washing machine it's been three weeks",
		"i'm sorry about that can you give me the order number please",
		"sure it's five five one eight four oh and i paid two hundred forty nine dollars on march third",
		"thank you i see it here the bank sent it back on monday",
		"okay well my number is two one two five five five oh one eight seven if you need it",
		"great i'll send you a confirmation email by friday is there anything else",
	}
	hour := &api.Result{DurationSeconds: 3600, Language: "en"}
	for i := range 720 { // of five seconds
		hour.Segments = append(hour.Segments, api.Segment{Start: float64(i) * 5, End: float64(i)*5 + 4.5,
			Speaker: []string{"Caller", "Agent"}[i%2], Text: lines[i%len(lines)]})
	}
	f := start(b, func(o *Options) { o.Config.Mode = "" })
	job := store.Job{Options: api.Options{RedactPII: true}}
	for b.Loop() {
		b.StopTimer()
		r := *hour
		r.Segments = slices.Clone(hour.Segments)
		b.StartTimer()
		if _, err := f.refine(b.Context(), &job, &r); err != nil {
			b.Fatal(err)
		}
	}
}
