package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/filetype"
)

// input is a file to decode, as the decoder is to see it.
type input struct {
	file      *os.File
	content   io.ReaderAt // the file, with a wrong header put right
	name      string      // with the extension that the user's file has
	size      int64
	head      []byte     // the first bytes
	announced int64      // size that its own header states, bytes; 0: none
	memory    int64      // bytes that the decoder may have for it
	raw       *rawFormat // what it holds where it has no header; nil: it has one
	notices   []api.Notice
}

// errNotRegular is why a folder or a pipe is not decoded.
var errNotRegular = errors.New("not a regular file")

// openInput opens the file at path, which must be closed.
func openInput(path, name string) (*input, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &input{file: file, content: file, name: "audio" + extension(name)}
	if err := in.inspect(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
	}
	return in, nil
}

// inspect reads what the decoder has to be told of the file.
func (in *input) inspect() error {
	fi, err := in.file.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return errNotRegular
	}
	in.size = fi.Size()
	head := make([]byte, 512)
	n, err := in.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	in.head = head[:n]
	in.memory = memoryFor(in.file, in.size)
	in.announced = announcedSize(in.file)
	if in.announced == 0 && bytes.HasPrefix(in.head, []byte("RIFF")) {
		in.announced = in.size // it goes as far as the file does
	}
	in.raw = rawFormatOf(in.name, in.head)
	if in.raw != nil {
		in.notices = append(in.notices, in.raw.notice())
		return nil
	}
	if fixed, notice := fixWAV(in.file, in.size); fixed != nil {
		in.content, in.announced = fixed, in.size
		in.notices = append(in.notices, *notice)
	}
	return nil
}

// overlay is a file of which some bytes read differently.
type overlay struct {
	io.ReaderAt
	at    int64
	bytes []byte
}

// ReadAt reads from the file and puts the bytes over it.
func (o overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.ReaderAt.ReadAt(p, off)
	for i, b := range o.bytes {
		if at := o.at + int64(i) - off; at >= 0 && at < int64(n) {
			p[at] = b
		}
	}
	return n, err
}

// extension returns the extension of name where it is one that could mean a
// format, with its dot, in lower case.
func extension(name string) string {
	ext := strings.ToLower(filepath.Ext(name))
	if len(ext) < 2 || len(ext) > 6 {
		return ""
	}
	for _, c := range ext[1:] {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return ext
}

// rawFormat is audio without a header.
type rawFormat filetype.Headerless

// rawFormatOf returns the headerless format of a file by its name; nil where
// it has none, or begins as a file with a header does.
func rawFormatOf(name string, head []byte) *rawFormat {
	known, ok := filetype.HeaderlessOf(name)
	if !ok || len(head) == 0 {
		return nil
	}
	for _, m := range magics {
		if len(m.text) >= 4 && bytes.HasPrefix(head[min(m.at, len(head)):], []byte(m.text)) {
			return nil
		}
	}
	f := rawFormat(known)
	return &f
}

// arguments are ffmpeg's and ffprobe's before the input.
func (r *rawFormat) arguments() []string {
	if r.Rate == 0 {
		return []string{"-f", r.Demuxer}
	}
	return []string{"-f", r.Demuxer, "-sample_rate", fmt.Sprint(r.Rate), "-channels", "1"}
}

func (r *rawFormat) notice() api.Notice {
	n := api.Notice{Code: api.NoticeRawAudio, Message: fmt.Sprintf("the file has no header: by its extension it was read as %s", r.Name)}
	if r.Rate > 0 {
		n.Message += fmt.Sprintf(" at %d samples a second", r.Rate)
	}
	return n
}
