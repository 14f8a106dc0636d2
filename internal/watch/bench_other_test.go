//go:build !unix

package watch

import (
	"testing"
	"time"
)

// cpuTime is not measured here.
func cpuTime(*testing.B) time.Duration { return 0 }
