package housekeeping

import (
	"context"
	"time"
)

// What is deleted by its age is gone for good, and a clock may be wrong: one
// without a battery begins in 1970 and is put right once there is a network, and
// somebody may mistype a year. So a time that is far ahead of the last one known
// is not believed at once.
const (
	leap = 24 * time.Hour // as far as a machine may sleep, or be off, without a word
	hold = time.Hour      // of running, before a time further ahead is believed
)

// trusted is the time of day that ages are counted by.
type trusted struct {
	at     time.Time     // the last one; zero before anything is known
	steady time.Duration // at that look
	waits  bool          // a later time of day waits to be believed
	waited time.Duration
}

// look returns the time to count ages by, and how far the machine's clock is
// ahead of it.
func (t *trusted) look(wall time.Time, steady time.Duration) (now time.Time, ahead time.Duration) {
	ran := steady - t.steady
	t.steady = steady
	expected := t.at.Add(ran)
	ahead = wall.Sub(expected)
	if t.waits {
		t.waited += ran
	}
	if t.at.IsZero() || ahead <= leap || t.waited >= hold {
		*t = trusted{at: wall, steady: steady}
		return wall, 0
	}
	t.at, t.waits = expected, true
	return expected, ahead
}

// now returns the time that ages are counted by.
func (k *Keeper) now(ctx context.Context) (time.Time, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	wall, steady := k.cfg.Now()
	if !k.known {
		at, err := k.lastEvent(ctx)
		if err != nil {
			return time.Time{}, err
		}
		k.known, k.clock = true, trusted{at: at, steady: steady}
	}
	waited := k.clock.waits
	now, ahead := k.clock.look(wall, steady)
	if ahead > 0 && !waited {
		k.log.Warn("the clock is far ahead of the last time known; nothing is deleted by its age until it has stayed so for a while", "by", ahead.Round(time.Second), "while", hold)
	}
	return now, nil
}

// lastEvent is the time of the newest event; zero where there is none.
func (k *Keeper) lastEvent(ctx context.Context) (time.Time, error) {
	seq, err := k.cfg.Store.LastEvent(ctx)
	if err != nil || seq == 0 {
		return time.Time{}, err
	}
	events, err := k.cfg.Store.EventsSince(ctx, seq-1, 1)
	if err != nil || len(events) == 0 {
		return time.Time{}, err
	}
	return events[0].CreatedAt, nil
}
