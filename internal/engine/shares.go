package engine

import (
	"slices"
	"sync"
)

// shares divides the cores between the files at work: all to a lone file, the
// same number to each of several. A core is given away only once the worker
// that had it has said that it stands still there, so that there are never
// more recognizers running than cores.
type shares struct {
	mu      sync.Mutex
	total   int
	free    []int
	holders []*share
}

// share is what one file has of the cores.
type share struct {
	order       func(cores []int) // tells the worker; must not block
	have        []int             // granted, and not yet given back
	outstanding int               // orders that the worker has not answered
	told        []int             // the last order
	first       chan struct{}     // closed at the first grant
}

func newShares(cores []int) *shares {
	return &shares{total: len(cores), free: slices.Clone(cores)}
}

// join adds a file, whose worker is told of its cores by order. The file may
// begin once first is closed.
func (s *shares) join(order func(cores []int)) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &share{order: order, first: make(chan struct{})}
	s.holders = append(s.holders, h)
	s.balance()
	return h
}

// answer takes what a worker says about an order: it runs on cores only.
func (s *shares) answer(h *share, cores []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.outstanding--; h.outstanding > 0 || !slices.Contains(s.holders, h) {
		return // there is a later order, which is what counts
	}
	kept := h.have[:0:0]
	for _, c := range h.have {
		if slices.Contains(cores, c) {
			kept = append(kept, c)
		} else {
			s.free = append(s.free, c)
		}
	}
	h.have = kept
	s.balance()
}

// leave takes a file out. Nothing of it may run any more.
func (s *shares) leave(h *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holders = slices.DeleteFunc(s.holders, func(o *share) bool { return o == h })
	s.free = append(s.free, h.have...)
	h.have = nil
	s.balance()
}

// balance gives free cores to who has too few, and asks who has too many for
// theirs. The caller holds the lock.
func (s *shares) balance() {
	slices.Sort(s.free)
	for i, h := range s.holders {
		quota := s.total / len(s.holders)
		if i < s.total%len(s.holders) {
			quota++
		}
		want := h.have
		if len(want) > quota && quota > 0 {
			want = want[:quota]
		}
		if n := min(quota-len(want), len(s.free)); n > 0 {
			h.have = append(slices.Clone(h.have), s.free[:n]...)
			s.free = s.free[n:]
			want = h.have
		}
		if len(want) == 0 || slices.Equal(want, h.told) {
			continue
		}
		if h.told == nil {
			close(h.first)
		}
		h.told = slices.Clone(want)
		h.outstanding++
		h.order(h.told)
	}
}
