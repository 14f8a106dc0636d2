package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// kinds are all kinds of record, as pointers to empty ones.
func kinds() map[string]func() record {
	return map[string]func() record{
		"job":      func() record { return &jobRecord{} },
		"event":    func() record { return &eventRecord{} },
		"webhook":  func() record { return &webhookRecord{} },
		"delivery": func() record { return &deliveryRecord{} },
		"attempt":  func() record { return &attemptRecord{} },
		"folder":   func() record { return &folderRecord{} },
		"file":     func() record { return &fileRecord{} },
		"finish":   func() record { return &finishRecord{} },
		"result":   func() record { return &resultRecord{} },
	}
}

// fill gives every exported field below v a value that is not its zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(int64(*n), 17).UTC()
		return
	case *api.JobStatus:
		*x = api.Failed
		return
	case *api.DeliveryStatus:
		*x = api.DeliveryFailed
		return
	case *store.FileStatus:
		*x = store.FileSkipped
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d\xff", *n)) // names are raw bytes
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-*n))
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(uint64(*n % 200))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 8)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(k, n)
		fill(e, n)
		v.SetMapIndex(k, e)
	default:
		panic("fill " + v.Kind().String())
	}
}

// plainOptions makes the strings of what is kept as JSON valid in it.
func plainOptions(r record) {
	switch x := r.(type) {
	case *jobRecord:
		x.Options = api.Options{Language: "de", Plan: "lite", RedactPII: true}
		x.Job.Progress = api.Progress{Stage: "decode", Speed: 2.5}
	case *folderRecord:
		x.Options = api.FolderOptions{Settle: "9s", Metadata: map[string]string{"a": "{stem}"}, Formats: []string{"srt"}}
	}
}

// unchecked encodes a record as the schemas 1 and 2 have it.
func unchecked(version byte, r record) []byte {
	c := coder{b: []byte{version}, writing: true, version: version}
	r.walk(&c)
	return c.b
}

// newest is the highest version of any record.
const newest = webhookVersion

func TestWebhookOfTheFirstVersionIsNotTemporary(t *testing.T) {
	was := &webhookRecord{Webhook: store.Webhook{ID: store.NewID(api.WebhookPrefix), URL: "https://example.com/", Active: true}}
	var got webhookRecord
	if err := decode(unchecked(1, was), webhookVersion, &got); err != nil {
		t.Fatal(err)
	}
	if got.URL != was.URL || !got.Active || got.Temporary {
		t.Errorf("got %+v, want %+v", got, *was)
	}
}

func TestRecordsKeepEveryField(t *testing.T) {
	for name, empty := range kinds() {
		t.Run(name, func(t *testing.T) {
			want, n := empty(), 0
			fill(reflect.ValueOf(want).Elem(), &n)
			plainOptions(want)
			got := empty()
			if err := decode(encode(nil, newest, want), newest, got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("round trip:\ngot  %+v\nwant %+v", got, want)
			}
			zero := empty()
			if err := decode(encode(nil, newest, empty()), newest, zero); err != nil {
				t.Errorf("round trip of an empty record: %v", err)
			}
		})
	}
}

func TestFieldsOfANewerProgramSurvive(t *testing.T) {
	for name, empty := range kinds() {
		t.Run(name, func(t *testing.T) {
			r, n := empty(), 0
			fill(reflect.ValueOf(r).Elem(), &n)
			plainOptions(r)
			b := encode(nil, newest, r)
			b = append(b[:len(b)-sumSize], "a field of the next version"...)
			b[0] = checked | newest + 1
			b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
			got := empty()
			if err := decode(b, newest, got); err != nil {
				t.Fatal(err)
			}
			if again := encode(nil, newest, got); !bytes.Equal(again, b) {
				t.Errorf("written back: got %x, want %x", again, b)
			}
		})
	}
}

func TestAnyChangedByteOfARecordIsSeen(t *testing.T) {
	for name, empty := range kinds() {
		t.Run(name, func(t *testing.T) {
			r, n := empty(), 0
			fill(reflect.ValueOf(r).Elem(), &n)
			plainOptions(r)
			b := encode(nil, newest, r)
			for i := range b {
				for _, flip := range []byte{1, 0x40, 0xff} {
					b[i] ^= flip
					if err := decode(b, newest, empty()); !errors.Is(err, errRecord) {
						t.Errorf("byte %d of %d changed by %#x: got %v, want %v", i, len(b), flip, err, errRecord)
					}
					b[i] ^= flip
				}
			}
			for i := range b {
				if err := decode(b[:i], newest, empty()); !errors.Is(err, errRecord) {
					t.Errorf("cut to %d of %d bytes: got %v, want %v", i, len(b), err, errRecord)
				}
			}
		})
	}
}

func TestIDsOfTheirOwnKindTakeLittleRoom(t *testing.T) {
	id := store.NewID(api.JobPrefix)
	for _, tt := range []struct {
		id   string
		size int
	}{{"", 1}, {id, 17}, {"other", 7}, {"job_" + "Z" + id[5:], 32}} {
		c := coder{writing: true}
		in, out := tt.id, ""
		c.id(api.JobPrefix, &in)
		if len(c.b) != tt.size {
			t.Errorf("size of %q: got %d, want %d", tt.id, len(c.b), tt.size)
		}
		r := coder{b: c.b}
		if r.id(api.JobPrefix, &out); out != tt.id || r.bad {
			t.Errorf("id: got %q, want %q", out, tt.id)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, empty := range kinds() {
		r, n := empty(), 0
		fill(reflect.ValueOf(r).Elem(), &n)
		plainOptions(r)
		f.Add(encode(nil, newest, r))
		f.Add(encode(nil, newest, empty()))
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, empty := range kinds() {
			r := empty()
			if decode(b, newest, r) != nil {
				continue
			}
			again := empty()
			once := encode(nil, newest, r)
			if err := decode(once, newest, again); err != nil {
				t.Fatalf("%s: decode what was encoded: %v", name, err)
			}
			if twice := encode(nil, newest, again); len(twice) != len(once) {
				t.Errorf("%s: got %d bytes, want %d as before", name, len(twice), len(once))
			}
		}
	})
}

func TestIDsAreULIDs(t *testing.T) {
	last := ""
	for range 1000 {
		id := store.NewID(api.JobPrefix)
		if !api.ValidID(api.JobPrefix, id) || id <= last {
			t.Fatalf("id: got %s after %s, want a valid and greater one", id, last)
		}
		last = id
		u, err := store.ParseID(api.JobPrefix, id)
		if err != nil {
			t.Fatal(err)
		}
		want := ulid.MustParseStrict(id[4:])
		if !bytes.Equal(u[:], want[:]) || store.FormatID(api.JobPrefix, u) != id {
			t.Fatalf("parse %s: got %x, want %x", id, u, want)
		}
	}
	for _, bad := range []string{"", "job_", last[4:], "evt_" + last[4:], "job_8" + last[5:], last + "0", last[:29] + "u", last[:29] + "A"} {
		if _, err := store.ParseID(api.JobPrefix, bad); err == nil {
			t.Errorf("parse %q: got no error", bad)
		}
	}
}

func TestEventIDsFollowFromTheJob(t *testing.T) {
	job := store.NewID(api.JobPrefix)
	id := store.EventID(job, 0, api.EventCompleted)
	if id != store.EventID(job, 0, api.EventCompleted) || !api.ValidID(api.EventPrefix, id) {
		t.Errorf("event id: got %s, want the same valid one each time", id)
	}
	seen := map[string]bool{id: true}
	for _, other := range []string{store.EventID(job, 1, api.EventCompleted), store.EventID(job, 0, api.EventFailed), store.EventID(store.NewID(api.JobPrefix), 0, api.EventCompleted)} {
		if seen[other] {
			t.Errorf("event id %s: got it twice", other)
		}
		seen[other] = true
	}
}
