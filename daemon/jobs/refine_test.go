package jobs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
)

// refiner is a runner that refines results by the default settings.
func refiner(t testing.TB, mode api.Mode) *Runner {
	t.Helper()
	settings, err := config.Load(nil, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	settings.Mode = mode
	return &Runner{cfg: Config{Catalog: Catalog{Defaults: Defaults{Mode: settings.Mode, Plan: settings.Plan}}, Analysis: settings.Analysis}, log: slog.New(slog.DiscardHandler)}
}

// confided holds one secret of each kind, spoken or written.
const confided = "um my card is four five three nine one four eight eight oh three four three six four six seven it expires oh nine twenty seven the cvv is three oh nine " +
	"my social is 219-09-9999 call 212-555-0187 or write to zebulon@quagmire.example and I will send the report tomorrow"

func TestMaskingCoversWordsToo(t *testing.T) {
	res := &api.Result{DurationSeconds: 9, Language: "en", Text: confided, Segments: []api.Segment{{End: 90, Text: confided}}}
	for i, w := range strings.Fields(confided) {
		res.Words = append(res.Words, api.Word{Start: float64(i), End: float64(i) + 0.9, Text: w})
	}
	r := refiner(t, "")
	if _, err := r.refine(t.Context(), api.Options{RedactPII: true}, res); err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"four five three nine", "three six four six seven", "oh nine twenty seven", "three oh nine", "219-09-9999", "555-0187", "zebulon"} {
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("the result holds %q", secret)
		}
	}
	for _, w := range res.Words {
		if strings.Contains("four five three nine eight seven six oh 219-09-9999 212-555-0187", w.Text) {
			t.Errorf("got word %q, want it masked", w.Text)
		}
	}
}

// BenchmarkRefiningAnHourOfTalk is what an hour of a call costs after it is
// recognized: polished, masked and analyzed by the built-in rules.
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
	r := refiner(b, "")
	for b.Loop() {
		b.StopTimer()
		result := *hour
		result.Segments = slices.Clone(hour.Segments)
		b.StartTimer()
		if _, err := r.refine(b.Context(), api.Options{RedactPII: true}, &result); err != nil {
			b.Fatal(err)
		}
	}
}
