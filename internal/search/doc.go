// Package search finds stored transcripts by what was said in them. It hides
// the full-text library and its files.
//
// The index is derived data: everything in it can be made again from the store.
// An index that is missing, of another version or damaged is begun anew, with
// a zero Place, and whoever owns the store fills it again: after Open, and then
// whenever something is committed, put what came after Place.
package search
