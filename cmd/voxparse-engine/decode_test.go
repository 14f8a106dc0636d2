package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

func TestTheDecoderStopsAtItsLimit(t *testing.T) {
	var out bytes.Buffer
	w := &pcmWriter{out: bufio.NewWriter(&out), channels: 2, left: 5}
	if n, err := w.Write(make([]byte, 4*3+1)); n != 13 || err != nil { // three samples and a quarter
		t.Fatalf("got %d, %v, want 13 bytes taken", n, err)
	}
	if _, err := w.Write(make([]byte, 3+4)); err != nil {
		t.Fatalf("got %v within the limit, want nil", err)
	}
	if _, err := w.Write(make([]byte, 4)); !errors.Is(err, errOver) {
		t.Errorf("got %v beyond the limit, want %v", err, errOver)
	}
	if w.samples != 5 || !w.over {
		t.Errorf("got %d samples, over %v, want 5 and true", w.samples, w.over)
	}
}

func TestDecoder_hangs(t *testing.T) {
	tests := []struct {
		how       string
		code      string
		transient bool // it counts against nobody
	}{
		{"busy", api.JobDamaged, false},
		{"idle", api.JobInternal, true},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			t.Setenv(hangEnv, tt.how)
			d, err := startDecoder(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer d.stop()
			kind, _, err := d.frame(nil)
			if err != nil || kind != frameReady {
				t.Fatalf("got frame %q, %v, want a decoder that is ready", kind, err)
			}
			d.ready, d.silent = true, 4*time.Second // long enough for its share of a loaded machine
			_, _, err = d.decode(context.Background(), decodeRequest{Path: "/a"}, func(header) error { return nil }, func([]byte) error { return nil })
			var got *engine.Error
			if !errors.As(err, &got) || got.Code != tt.code || got.Transient != tt.transient {
				t.Errorf("got %+v, want code %s, transient %v", err, tt.code, tt.transient)
			}
			select {
			case <-d.ended:
			case <-t.Context().Done():
				t.Error("the decoder that hung still runs")
			}
		})
	}
}

func TestDecoder_cannotStart(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(cache, nil, 0o600); err != nil { // no folder can be made in it
		t.Fatal(err)
	}
	d, err := startDecoder(cache)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	_, _, err = d.decode(context.Background(), decodeRequest{Path: "/a"}, func(header) error { return nil }, func([]byte) error { return nil })
	var got *engine.Error
	if !errors.As(err, &got) || !got.Transient || !strings.Contains(got.Message, cache) {
		t.Errorf("got %v, want a transient error that names %s", err, cache)
	}
}

func TestTheDecoderSeesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	folder := oneFile{name: "audio.mp3", content: file, size: 10}
	for _, name := range []string{"secret", "../secret", "audio.mp3/..", "audio.wav", "/etc/passwd"} {
		if f, err := folder.Open(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v, %v, want %v", name, f, err, os.ErrNotExist)
		}
	}
	first, err := folder.Open("audio.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(first, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	second, err := folder.Open("audio.mp3")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(second)
	if err != nil || string(b) != "0123456789" {
		t.Errorf("opened again: got %q, %v, want it from the start", b, err)
	}
}

func TestTheLogTellsTheContainer(t *testing.T) {
	tests := []struct {
		log  string
		want header
	}{
		{"[info] Input #0, wav, from '/in/audio.wav':\n[info]   Duration: 01:02:03.50, bitrate: 256 kb/s\n[info]   Stream #0:0: Audio: pcm_s16le ([1][0][0][0]), 16000 Hz\n[info] Stream mapping:\n",
			header{Format: "wav", Codec: "pcm_s16le ([1][0][0][0])", Seconds: 3723.5}},
		{"[mp3 @ 0x1] [warning] Estimating duration from bitrate, this may be inaccurate\n[info] Input #0, mp3, from 'x':\n[info]   Duration: 00:00:05.00, start: 0.0\n",
			header{Format: "mp3", Seconds: 5, Estimated: true}},
		{"[info] Input #0, webm, from 'x':\r\n[info]   Duration: N/A, start: 0.0\n", header{Format: "webm"}},
	}
	for _, tt := range tests {
		l := &ffmpegLog{}
		for i := range len(tt.log) { // in the smallest of pieces
			if n, err := l.Write([]byte{tt.log[i]}); n != 1 || err != nil {
				t.Fatalf("got %d, %v, want 1, nil", n, err)
			}
		}
		if !reflect.DeepEqual(l.header, tt.want) || !l.opened {
			t.Errorf("got %+v, opened %v, want %+v", l.header, l.opened, tt.want)
		}
	}
}

func FuzzLog(f *testing.F) {
	f.Add([]byte("[info] Input #0, wav, from 'x':\n[info]   Duration: 99:99:99.99, x\n"))
	f.Add([]byte("[mp3 @ 0x1] [error] Header missing\n[[[] ] [fatal] \xff\n"))
	f.Add(bytes.Repeat([]byte("[error] again\r"), 100))
	f.Fuzz(func(t *testing.T, log []byte) {
		l := &ffmpegLog{}
		if n, err := l.Write(log); n != len(log) || err != nil {
			t.Fatalf("got %d, %v, want all %d bytes taken", n, err, len(log))
		}
		if len(l.lines) > maxLogLines || len(l.partly) > maxLogLine || l.header.Seconds < 0 {
			t.Errorf("got %d lines, %d bytes, %f s kept, want bounds kept", len(l.lines), len(l.partly), l.header.Seconds)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	var b bytes.Buffer
	if err := writeFrame(bufio.NewWriter(&b), framePCM, []byte("abcd")); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{'P', 255, 255, 255, 255, 1})
	f.Add([]byte{'E', 3, 0, 0, 0, '{'})
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, payload, err := readFrame(bufio.NewReader(bytes.NewReader(data)), nil)
		if err != nil {
			return
		}
		if kind != data[0] || len(payload) > maxFrame || !bytes.Equal(payload, data[5:5+len(payload)]) {
			t.Errorf("got kind %q with %d bytes, want what was framed", kind, len(payload))
		}
	})
}

func FuzzAnnouncedSize(f *testing.F) {
	for _, name := range []string{"formats/pcm_s16.wav", "formats/wma.wma", "formats/flac.flac"} {
		b, err := os.ReadFile(audio(f, name))
		if err != nil {
			f.Fatal(err)
		}
		size := announcedSize(bytes.NewReader(b[:2048]))
		if want := int64(len(b)); filepath.Ext(name) != ".flac" && size != want {
			f.Errorf("%s: got %d bytes announced, want %d", name, size, want)
		}
		f.Add(b[:1024])
	}
	endless := append([]byte("RIFF\xff\xff\xff\xffWAVE"), bytes.Repeat([]byte("data\xff\xff\xff\xff"), 4)...)
	f.Add(endless)
	f.Add(binary.LittleEndian.AppendUint64([]byte(asfHeader+asfProperties+strings.Repeat("\x00", 30)), 1<<63))
	f.Fuzz(func(t *testing.T, data []byte) {
		announcedSize(bytes.NewReader(data)) // must end, and not panic
	})
}
