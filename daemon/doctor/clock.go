package doctor

import (
	"context"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Bounds of what a clock may say.
const (
	earliestYear = 2025
	latestYear   = 2100
	clockJump    = 2 * time.Second // against the time since the start
	clockSkew    = 5 * time.Minute // against a receiver: signatures are good for so long
	setClock     = "sudo timedatectl set-ntp true"
)

// clockMark is a moment on the wall's clock and on one that nobody sets.
type clockMark struct {
	wall   time.Time // without its monotonic part
	steady time.Duration
}

func markClock() clockMark { return clockMark{time.Now().Round(0), steadyTime()} }

// drift is how far the wall's clock was set since the mark.
func (m clockMark) drift(now clockMark) time.Duration {
	return now.wall.Sub(m.wall) - (now.steady - m.steady)
}

// clockSanity looks at the clock alone.
func (m *machine) clockSanity(context.Context) []api.Finding {
	const id = "clock"
	if y := m.now.Year(); y < earliestYear || y > latestYear {
		return []api.Finding{fail(id, setClock, "the clock says %s: receivers refuse signatures of that time", m.now.Format(time.DateOnly))}
	}
	if unsynchronized() {
		return []api.Finding{warn(id, setClock, "the clock is not kept right by a time server; receivers refuse signatures that are over five minutes off")}
	}
	return []api.Finding{ok(id, "the clock says %s", m.now.UTC().Format(time.RFC3339))}
}

// checkClock looks whether the clock was set while the daemon ran.
func (d *Doctor) checkClock(context.Context) []api.Finding {
	const id = "clock_jump"
	if off := d.began.drift(markClock()); off > clockJump || off < -clockJump {
		return []api.Finding{warn(id, "voxparse daemon restart", "the clock was set by %s while the daemon ran; what was to be done at a certain time may be early or late", off.Round(time.Millisecond))}
	}
	return []api.Finding{ok(id, "the clock was not set since the daemon started")}
}

// lingering looks whether a service goes on after log-out.
func (m *machine) lingering(context.Context) []api.Finding {
	u, err := user.Current()
	if !m.service || err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join("/var/lib/systemd/linger", filepath.Base(u.Username))); err != nil {
		return []api.Finding{warn("linger", "loginctl enable-linger "+u.Username, "the service stops when you log out, and does not start at boot")}
	}
	return []api.Finding{ok("linger", "the service starts at boot and goes on after log-out")}
}

// underSystemd reports whether this process is a service of the user's systemd.
func underSystemd() bool {
	if os.Getenv("INVOCATION_ID") == "" {
		return false
	}
	group, err := os.ReadFile("/proc/self/cgroup")
	return err == nil && strings.Contains(string(group), "/user@")
}
