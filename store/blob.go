package store

import "time"

// Quarantined is audio that no job was known to need, and that was set aside.
type Quarantined struct {
	Dir    string // the folder that holds it
	Files  int
	Bytes  int64
	Oldest time.Time // day on which the oldest was set aside; zero without files
}

// Blob is a stored file.
type Blob struct {
	Name   string // for Path, Open and Remove
	Size   int64  // bytes
	SHA256 string // of the content, lower-case hex
}
