// Package benchtest is what benchmarks share.
package benchtest

import (
	"slices"
	"testing"
	"time"
)

// LeastForP99 is how many samples there must be for a 99th percentile to say
// something.
const LeastForP99 = 300

// Quantiles reports the median of what was measured and, where there are samples
// enough, the 99th percentile, as p50-ms and p99-ms. It sorts the samples.
func Quantiles(b *testing.B, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		b.Fatal("nothing was measured")
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	if len(took) >= LeastForP99 {
		b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	}
}
