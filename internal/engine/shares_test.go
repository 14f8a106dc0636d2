package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// holder is a worker as the shares see it: it takes its time to answer.
type holder struct {
	share  *share
	orders [][]int // not answered yet
	runs   []int   // by its last answer
}

// mayRun are the cores that the worker may be running on.
func (h *holder) mayRun() []int {
	out := slices.Clone(h.runs)
	for _, o := range h.orders {
		out = append(out, o...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Random arrivals, ends and answers: whatever their order, no core is ever in
// two hands.
func TestNoCoreIsEverInTwoHands(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		total := 1 + rnd.IntN(5)
		cores := make([]int, total)
		for i := range cores {
			cores[i] = 10 + i
		}
		s := newShares(cores)
		var at []*holder
		for range 100 {
			switch n := rnd.IntN(6); {
			case n == 0 && len(at) < total:
				h := &holder{}
				at = append(at, h)
				h.share = s.join(func(c []int) { h.orders = append(h.orders, slices.Clone(c)) })
			case n == 1 && len(at) > 0:
				i := rnd.IntN(len(at))
				s.leave(at[i].share)
				at = slices.Delete(at, i, i+1)
			case len(at) > 0:
				answerOne(s, at[rnd.IntN(len(at))])
			}
			checkHands(t, at)
		}
		for i := 0; i < len(at); i++ { // let all answer
			if len(at[i].orders) > 0 {
				answerOne(s, at[i])
				i = -1
			}
		}
		used := 0
		for _, h := range at {
			used += len(h.runs)
			if len(h.runs) < total/len(at) {
				t.Errorf("seed %d: got %d of %d cores for one of %d files, want a fair share", seed, len(h.runs), total, len(at))
			}
		}
		if len(at) > 0 && used != total {
			t.Errorf("seed %d: got %d of %d cores in use by %d files, want all", seed, used, total, len(at))
		}
	}
}

// answerOne has h answer its oldest order.
func answerOne(s *shares, h *holder) {
	if len(h.orders) == 0 {
		return
	}
	h.runs = h.orders[0]
	h.orders = h.orders[1:]
	s.answer(h.share, h.runs)
}

func checkHands(t *testing.T, at []*holder) {
	t.Helper()
	taken := map[int]bool{}
	for _, h := range at {
		for _, c := range h.mayRun() {
			if taken[c] {
				t.Fatalf("core %d is in two hands", c)
			}
			taken[c] = true
		}
	}
}
