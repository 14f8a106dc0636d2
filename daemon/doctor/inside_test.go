package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// faults are the findings that are not fine.
func faults(findings []api.Finding) []api.Finding {
	var out []api.Finding
	for _, f := range findings {
		if f.Level != api.LevelOK {
			out = append(out, f)
		}
	}
	return out
}

func TestDoctorReadsTheClock(t *testing.T) {
	m := &machine{now: time.Date(1970, 1, 1, 3, 0, 0, 0, time.UTC)}
	if got := m.clockSanity(t.Context()); len(got) != 1 || got[0].Level != api.LevelError || !strings.Contains(got[0].Fix, "set-ntp") {
		t.Errorf("got %+v for a clock in 1970, want an error and how to set it", got)
	}
	mark := markClock()
	mark.wall = mark.wall.Add(-time.Hour) // as if it was set forward meanwhile
	if off := mark.drift(markClock()); off < 59*time.Minute || off > 61*time.Minute {
		t.Errorf("got a drift of %s for a clock set by an hour, want that", off)
	}
}

func TestDoctorComparesWatches(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  inotify
		want string // in the fix; "" for none
	}{
		{"enough", inotify{watches: 10, instances: 2, maxWatches: 1000, maxInstances: 128}, ""},
		{"too few watches", inotify{watches: 990, instances: 2, maxWatches: 1000, maxInstances: 128}, "fs.inotify.max_user_watches=524288"},
		{"too few instances", inotify{watches: 10, instances: 127, maxWatches: 1000, maxInstances: 128}, "fs.inotify.max_user_instances=1024"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := faults(compareWatches(tt.use, 20, 2))
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Fix, tt.want)) {
				t.Errorf("got %+v, want a fix with %q", got, tt.want)
			}
		})
	}
}
