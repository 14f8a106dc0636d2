package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
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

// sync returns once a sync of the folder that began after the call has ended.
func (s *syncer) sync() error {
	s.mu.Lock()
	round := s.next
	if round != nil {
		s.mu.Unlock()
		<-round.done
		return round.err
	}
	round = &syncRound{done: make(chan struct{})}
	s.next = round
	s.mu.Unlock()
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.next = nil // who comes from here on may be too late for this one
	s.mu.Unlock()
	round.err = syncFolder(s.dir)
	close(round.done)
	return round.err
}

// syncDir makes the name of path durable.
func syncDir(path string) error { return syncFolder(filepath.Dir(path)) }

// syncFolder makes the names in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
