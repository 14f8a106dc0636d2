// Package models has the speech models: which there are, where they come from,
// and where they lie on this machine. It hides the sources (a mirror, the npm
// client, public URLs), resumed downloads, hashes and locks; its callers see
// names, and paths of files that are whole.
//
// No source is trusted. A file of the catalog is used only after its SHA-256
// was found right, and it takes its name only then, by a rename.
package models
