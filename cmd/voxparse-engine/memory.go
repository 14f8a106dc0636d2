package main

import (
	"context"
	"encoding/binary"
	"io"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// What ffmpeg may have for a file. The base decodes every clean file without an
// index, and a header that claims more finds its end there. In memory an index
// is several times as large as in the file.
const (
	memoryBase  = 64 << 20
	memoryIndex = 32 // times the size of the index
	memoryMost  = 1 << 30
)

// maxBoxes is how many boxes of a file are looked at: a day has two for every
// second.
const maxBoxes = 1 << 20

// pageSize is the unit of the memory of a WebAssembly program.
const pageSize = 64 << 10

// memoryFor returns how many bytes ffmpeg may have for a file of that size.
func memoryFor(file io.ReaderAt, size int64) int64 {
	return min(memoryBase+memoryIndex*indexSize(file, size), memoryMost)
}

// indexSize returns how many bytes of a file its index takes, in the formats
// that have one for every few milliseconds of sound: those with boxes, such as
// MP4. It is never more than the file has.
func indexSize(file io.ReaderAt, size int64) int64 {
	if head := readAt(file, 4, 4); string(head) != "ftyp" && string(head) != "moov" && string(head) != "mdat" && string(head) != "wide" && string(head) != "free" {
		return 0
	}
	index := int64(0)
	at := int64(0)
	for range maxBoxes {
		box := readAt(file, at, 16)
		if len(box) < 8 {
			break
		}
		length := int64(binary.BigEndian.Uint32(box))
		switch {
		case length == 1 && len(box) == 16:
			length = int64(binary.BigEndian.Uint64(box[8:]) & (1<<62 - 1))
		case length == 0:
			length = size - at
		}
		length = min(length, size-at)
		if kind := string(box[4:8]); kind == "moov" || kind == "moof" { // moof: a piece of it
			index += length
		}
		if length < 8 {
			break
		}
		at += length
	}
	return index
}

// limitedMemory grows up to a limit. What asks for more is told no. All of it is
// reserved from the start, and taken from the machine page by page as it is
// used.
type limitedMemory struct {
	bytes []byte
}

// withMemory makes modules that are started with the context keep to limit
// bytes of memory.
func withMemory(ctx context.Context, limit int64) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, most uint64) experimental.LinearMemory {
		b, err := syscall.Mmap(-1, 0, int(min(uint64(limit), most)), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			b = nil // it has none, which ends the run
		}
		return &limitedMemory{b}
	}))
}

// Reallocate makes the memory size bytes long; nil where that is too long.
func (m *limitedMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.bytes)) {
		return nil
	}
	return m.bytes[:size]
}

// Free gives the memory back. An error would mean that it was none of ours.
func (m *limitedMemory) Free() {
	if m.bytes != nil {
		_ = syscall.Munmap(m.bytes)
		m.bytes = nil
	}
}
