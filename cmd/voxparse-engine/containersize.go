package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/voxparse/voxparse/api"
)

// unfinished is the size from which on a WAV file's data size is no size but
// what a program writes that does not know it yet.
const unfinished = 0x7fff0000

// maxParts is how many parts of a header are looked at.
const maxParts = 256

// What a WMA file begins with, and the part of its header with its size.
const (
	asfHeader     = "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
	asfProperties = "\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65"
)

// announcedSize returns how many bytes a file has by its own header, in the
// formats where ffmpeg believes the size of the file instead: there a file that
// was cut would look whole. It is 0 where the header does not say.
func announcedSize(file io.ReaderAt) int64 {
	head := readAt(file, 0, 30)
	switch {
	case len(head) < 30:
	case bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "WAVE":
		return riffSize(file, 12)
	case bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "AVI ":
		if size := int64(binary.LittleEndian.Uint32(head[4:])); size < unfinished {
			return size + 8
		}
	case bytes.HasPrefix(head, []byte(asfHeader)):
		return asfSize(file, 30)
	}
	return 0
}

// riffSize looks for the samples of a WAV file among its chunks, of which the
// first is at.
func riffSize(file io.ReaderAt, at int64) int64 {
	for range maxParts {
		chunk := readAt(file, at, 8)
		if len(chunk) < 8 {
			return 0
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		at += 8 + size
		switch {
		case string(chunk[:4]) != "data":
			at += size & 1
		case size < unfinished:
			return at
		default:
			return 0
		}
	}
	return 0
}

// asfSize looks for the properties of a WMA file among the objects of its
// header, of which the first is at.
func asfSize(file io.ReaderAt, at int64) int64 {
	const live = 1 // in the flags: recorded from a stream, nothing is known
	for range maxParts {
		object := readAt(file, at, 92)
		if len(object) < 92 {
			return 0
		}
		if bytes.HasPrefix(object, []byte(asfProperties)) {
			if binary.LittleEndian.Uint32(object[88:])&live != 0 {
				return 0
			}
			return int64(binary.LittleEndian.Uint64(object[40:]))
		}
		size := binary.LittleEndian.Uint64(object[16:])
		if size < 24 || size > 1<<30 {
			return 0
		}
		at += int64(size)
	}
	return 0
}

// readAt returns up to n bytes of file at position at: fewer, or none, where
// the file ends or cannot be read.
func readAt(file io.ReaderAt, at int64, n int) []byte {
	b := make([]byte, n)
	n, err := file.ReadAt(b, at)
	if err != nil && err != io.EOF {
		return nil
	}
	return b[:n]
}

// staleLeast is how much sound, in seconds, must lie behind the end that a WAV
// file states for that to be a recorder's doing that did not get to write it.
const staleLeast = 0.5

// fixWAV returns the file with the size of its samples put right, where a
// recorder died before it could write it: what follows is neither another
// chunk nor the end. It is nil where the header is right.
func fixWAV(file io.ReaderAt, size int64) (io.ReaderAt, *api.Notice) {
	head := readAt(file, 0, 12)
	if len(head) < 12 || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, nil
	}
	rate := int64(0) // bytes a second
	at := int64(12)
	for range maxParts {
		chunk := readAt(file, at, 20)
		if len(chunk) < 8 {
			return nil, nil
		}
		length := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			if len(chunk) == 20 {
				rate = int64(binary.LittleEndian.Uint32(chunk[16:]))
			}
		case "data":
			data := at + 8
			if length == 0 || length >= unfinished || rate == 0 || chunksFollow(file, data+length, size) {
				return nil, nil // the decoder reads to the end by itself
			}
			stated, there := float64(length)/float64(rate), float64(size-data)/float64(rate)
			if there-stated < staleLeast {
				return nil, nil
			}
			return overlay{file, at + 4, []byte{0xff, 0xff, 0xff, 0xff}}, &api.Notice{Code: api.NoticeHeader, Message: fmt.Sprintf(
				"the header of the file says %s of audio and the file holds %s: all of it was read", duration(stated), duration(there))}
		}
		at += 8 + length + length&1
	}
	return nil, nil
}

// chunksFollow reports whether a chain of chunks begins at a place in a file of
// that size and ends with it.
func chunksFollow(file io.ReaderAt, at, size int64) bool {
	for range maxParts {
		at += at & 1
		if at >= size {
			return at <= size+1
		}
		chunk := readAt(file, at, 8)
		if len(chunk) < 8 || slices.ContainsFunc(chunk[:4], func(b byte) bool { return b < ' ' || b > '~' }) {
			return false
		}
		at += 8 + int64(binary.LittleEndian.Uint32(chunk[4:]))
	}
	return false
}
