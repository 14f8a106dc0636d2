package store

// Blob is a stored file.
type Blob struct {
	Name   string // for Path, Open and Remove
	Size   int64  // bytes
	SHA256 string // of the content, lower-case hex
}
