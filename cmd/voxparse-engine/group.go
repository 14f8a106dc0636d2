package main

import "runtime"

// Pieces are recognized in groups: one token after the other is made for all
// of a group at once, which costs little more than for one.
const (
	// groupMost is how many pieces a group has at most.
	groupMost = 8
	// groupLongest is how much audio a group has at most, in samples, which
	// bounds the memory that it takes.
	groupLongest = 100 * sampleRate
	// inOrder is how many pieces may be on their way at once: those that wait
	// for their group, and a group for each recognizer.
	inOrder = 6 * groupMost
)

// groups puts the pieces of one file into groups. Which pieces share a group
// depends on the file alone, not on who is faster, so that a file has the same
// text each time.
//
// The first groups are small, so that every core has work at once; one group
// is held back, so that what is left at the end can be shared out evenly.
type groups struct {
	waiting []*assignment
	size    int // of the next group
	sent    int // groups of this size
}

// add takes a and returns the group that is to be recognized now, if there is
// one.
func (g *groups) add(a *assignment) []*assignment {
	g.size = max(1, g.size)
	g.waiting = append(g.waiting, a)
	if len(g.waiting) < 2*g.size {
		return nil
	}
	group := g.take(g.size)
	if g.sent++; g.sent == runtime.NumCPU() && g.size < groupMost {
		g.size, g.sent = 2*g.size, 0
	}
	return group
}

// rest returns one of the groups that are left at the end, nil after the last.
func (g *groups) rest() []*assignment {
	if len(g.waiting) == 0 {
		return nil
	}
	share := (len(g.waiting) + runtime.NumCPU() - 1) / runtime.NumCPU()
	return g.take(min(share, groupMost))
}

// take takes up to n of the pieces that wait, fewer where they are long.
func (g *groups) take(n int) []*assignment {
	longest := 0
	for i, a := range g.waiting[:n] {
		longest = max(longest, len(a.piece.feed))
		if longest*(i+1) > groupLongest && i > 0 {
			n = i
			break
		}
	}
	group := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return group
}

// hand takes p into the queue of answers, in this order of calls, and gives
// the recognizers a group where one is complete. It waits while they are
// behind.
func (j *job) hand(p piece) {
	a := &assignment{piece: p, answer: make(chan struct{})}
	j.mu.Lock()
	j.pending++
	j.mu.Unlock()
	j.order <- a
	j.send(j.groups.add(a))
}

// flush gives the recognizers what is left.
func (j *job) flush() {
	for group := j.groups.rest(); group != nil; group = j.groups.rest() {
		j.send(group)
	}
}

// send gives the recognizers a group, unless the job has failed.
func (j *job) send(group []*assignment) {
	if len(group) == 0 {
		return
	}
	select {
	case j.w.recognizers.work <- group:
	case <-j.failed:
	case <-j.w.recognizers.bad:
	}
}
