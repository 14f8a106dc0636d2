//go:build !unix

package watch

// nonBlock has no meaning where a pipe cannot stand in a folder.
const nonBlock = 0
