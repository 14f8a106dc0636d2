package boltstore

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// extremes are times at the edges of what a record may be given.
func extremes() []time.Time {
	return []time.Time{
		{}, time.Time{}.Add(1), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(1677, 9, 21, 0, 12, 43, 145224191, time.UTC),
		time.Unix(0, math.MinInt64).UTC(), time.Unix(0, math.MinInt64+1).UTC(), time.Date(1815, 6, 18, 11, 0, 0, 0, time.UTC), time.Unix(-1, 999999999).UTC(),
		time.Unix(0, 0).UTC(), time.Unix(0, 1).UTC(), time.Unix(0, -1).UTC(), time.Unix(0, math.MaxInt64).UTC(), time.Unix(0, math.MaxInt64).Add(1).UTC(),
		time.Date(2400, 2, 29, 1, 2, 3, 4, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	}
}

// setTimes gives every time below v the value to.
func setTimes(v reflect.Value, to time.Time) (n int) {
	if p, ok := v.Addr().Interface().(*time.Time); ok {
		*p = to
		return 1
	}
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				n += setTimes(v.Field(i), to)
			}
		}
	}
	return n
}

func TestRecords_keepEveryTime(t *testing.T) {
	for name, empty := range kinds() {
		for _, at := range extremes() {
			want, n := empty(), 0
			fill(reflect.ValueOf(want).Elem(), &n)
			plainOptions(want)
			setTimes(reflect.ValueOf(want).Elem(), at)
			got := empty()
			if err := decode(encode(nil, newest, want), newest, got); err != nil {
				t.Fatalf("%s with %s: %v", name, at, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %s:\ngot  %+v\nwant %+v", name, at, got, want)
			}
		}
	}
}

func TestKeys_ofTimesRiseWithThem(t *testing.T) {
	last := int64(0)
	for _, at := range []time.Time{time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0), time.Unix(0, 2), time.Unix(0, math.MaxInt64), time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC)} {
		n := nanos(at)
		if n < 1 || n < last {
			t.Errorf("%s: got the key %d, want at least %d", at, n, max(last, 1))
		}
		last = n
	}
	db := openTest(t, store.Options{})
	id := store.NewID(api.JobPrefix)
	if _, _, err := db.Submit(t.Context(), store.Job{ID: id, Due: time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	if js, err := db.Claim(t.Context(), "", "w", time.Hour, 1); err != nil || len(js) != 0 {
		t.Errorf("claim of what is due in 2400: got %d jobs, error %v, want none", len(js), err)
	}
}

// A time that 64 bits hold is written as it always was.
func TestTimes_areReadAsOlderProgramsWroteThem(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(0, 1).UTC(), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)} {
		w := coder{writing: true}
		n := int64(0)
		if !at.IsZero() {
			n = at.UnixNano()
		}
		w.int64(&n)
		now := coder{writing: true}
		now.time(&at)
		if string(w.b) != string(now.b) {
			t.Errorf("%s: got %x, want %x", at, now.b, w.b)
		}
		var got time.Time
		r := coder{b: w.b}
		if r.time(&got); r.bad || !got.Equal(at) {
			t.Errorf("got %s, want %s", got, at)
		}
	}
}
