package store

import "strings"

// Owner names who holds a lease: one run of the program on one node. node must
// not hold a slash.
func Owner(node, run string) string { return node + "/" + run }

// EarlierRun reports whether owner is a run of node other than run. An owner
// without a node was written before nodes had names, and is an earlier run of
// whoever asks.
func EarlierRun(owner, node, run string) bool {
	of, its, named := strings.Cut(owner, "/")
	if !named {
		return owner != ""
	}
	return of == node && its != run
}
