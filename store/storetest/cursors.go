package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// cursorPages reads pages while jobs come and go.
func cursorPages(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	unchanged := map[string]int{}
	var gone []string
	for i := range 12 {
		id := submit(t, s, store.Job{}).ID
		if i%4 == 0 {
			gone = append(gone, id)
		} else {
			unchanged[id] = 0
		}
		time.Sleep(time.Second)
	}
	f := store.JobFilter{Status: api.Queued}
	for {
		page := must[[]store.Job](t)(s.JobsPage(t.Context(), f, 0, 3))
		if len(page) == 0 {
			break
		}
		for _, j := range page {
			if _, ok := unchanged[j.ID]; ok {
				unchanged[j.ID]++
			}
		}
		f.Before = page[len(page)-1].ID
		submit(t, s, store.Job{})
		if len(gone) > 0 {
			must[store.Job](t)(s.Cancel(t.Context(), gone[0], 0))
			gone = gone[1:]
		}
	}
	for id, n := range unchanged {
		equal(t, "times that "+id+" is listed", n, 1)
	}
}

func foundJobs(t *testing.T, b Backend) {
	s := b.open(t, store.Options{})
	began := time.Now()
	var ids []string
	for i, metadata := range []string{`{"case":"17","n":1}`, `{"case":"18","n":2}`, ""} {
		ids = append(ids, submit(t, s, store.Job{Metadata: []byte(metadata), Source: api.Source{Name: fmt.Sprintf("Call-%d.WAV", i)}}).ID)
		time.Sleep(time.Hour)
	}
	for _, tt := range []struct {
		f    store.JobFilter
		want []int
	}{
		{store.JobFilter{Metadata: [2]string{"case", "17"}}, []int{0}},
		{store.JobFilter{Metadata: [2]string{"n", "2"}}, []int{1}},
		{store.JobFilter{Metadata: [2]string{"m", ""}}, nil},
		{store.JobFilter{Name: "call-1.wav"}, []int{1}},
		{store.JobFilter{Name: "wav", Until: began.Add(90 * time.Minute)}, []int{1, 0}},
		{store.JobFilter{Since: began.Add(time.Minute), Until: began.Add(2 * time.Hour)}, []int{1}},
		{store.JobFilter{Before: ids[1]}, []int{0}},
	} {
		var got, want []string
		for _, j := range must[[]store.Job](t)(s.JobsPage(t.Context(), tt.f, 0, 9)) {
			got = append(got, j.ID)
		}
		for _, i := range tt.want {
			want = append(want, ids[i])
		}
		equal(t, fmt.Sprintf("jobs %+v", tt.f), fmt.Sprint(got), fmt.Sprint(want))
	}
}
