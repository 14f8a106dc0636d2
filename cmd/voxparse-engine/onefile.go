package main

import (
	"io"
	"io/fs"
	"time"
)

// oneFile is a read-only folder that holds one file and nothing else: all of
// the file system that the decoder sees. Formats with their index at the end
// need to seek, which a pipe cannot.
type oneFile struct {
	name    string
	content io.ReaderAt
	size    int64
}

// Open opens the file, or the folder itself.
func (o oneFile) Open(name string) (fs.File, error) {
	switch name {
	case ".":
		return folder{o}, nil
	case o.name:
		return &view{SectionReader: io.NewSectionReader(o.content, 0, o.size), name: name, size: o.size}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// view is the file as opened once: it has its own position.
type view struct {
	*io.SectionReader
	name string
	size int64
}

func (v *view) Stat() (fs.FileInfo, error) {
	return entry{name: v.name, size: v.size, mode: 0o400}, nil
}
func (v *view) Close() error { return nil }

// folder is the one directory.
type folder struct{ of oneFile }

func (f folder) Stat() (fs.FileInfo, error) { return entry{name: ".", mode: fs.ModeDir | 0o500}, nil }
func (f folder) Close() error               { return nil }

func (f folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// entry describes the file or the folder.
type entry struct {
	name string
	size int64
	mode fs.FileMode
}

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return e.size }
func (e entry) Mode() fs.FileMode  { return e.mode }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool        { return e.mode.IsDir() }
func (e entry) Sys() any           { return nil }
