package main

import (
	"testing"
	"testing/synctest"
)

func TestCoresAreTakenOnlyOnceTheirRecognizersStand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.set([]int{4, 5})
		stop := make(chan struct{})
		if core, _, ok := g.enter(0, stop); core != 4 || !ok {
			t.Fatalf("got core %d, %v, want 4", core, ok)
		}
		core, moved, ok := g.enter(1, stop)
		if core != 5 || !ok {
			t.Fatalf("got core %d, %v, want 5", core, ok)
		}
		shrunk := false
		go func() {
			g.set([]int{7})
			shrunk = true
		}()
		synctest.Wait()
		if shrunk {
			t.Fatal("the second core was given up while its recognizer ran")
		}
		<-moved // must be closed by now
		g.leave(1)
		synctest.Wait()
		if !shrunk {
			t.Error("the second core is still held after its recognizer left")
		}
		waiting := true
		go func() {
			_, _, ok = g.enter(1, stop)
			waiting = false
		}()
		synctest.Wait()
		if !waiting {
			t.Error("a recognizer without a core was let in")
		}
		close(stop)
		synctest.Wait()
		if waiting || ok {
			t.Errorf("after the stop: got waiting %v, let in %v, want neither", waiting, ok)
		}
	})
}
