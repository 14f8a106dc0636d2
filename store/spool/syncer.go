package spool

import (
	"sync"

	"github.com/voxparse/voxparse/internal/fsx"
)

// syncer makes the names in a folder durable, for all who ask at once.
type syncer struct {
	dir  string
	turn sync.Mutex // held by the round that runs
	mu   sync.Mutex
	next *syncRound // that has not begun
}

type syncRound struct {
	done chan struct{}
	err  error
}

// begin has the folder synced, after the call, and returns at once. wait tells
// how that went.
func (s *syncer) begin() *syncRound {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = &syncRound{done: make(chan struct{})}
		go s.run(s.next)
	}
	return s.next
}

func (s *syncer) run(round *syncRound) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.next = nil // who comes from here on may be too late for this one
	s.mu.Unlock()
	round.err = fsx.SyncDir(s.dir)
	close(round.done)
}

// wait returns once the round has ended, which it does soon.
func (r *syncRound) wait() error {
	<-r.done
	return r.err
}
