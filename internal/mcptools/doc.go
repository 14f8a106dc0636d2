// Package mcptools gives an assistant that speaks the Model Context Protocol
// what voxparse can do: transcribe a file, and find, read and list transcripts.
// What the tools answer is bounded, for it lands in a model's context; where
// there is more, the answer says how to ask for it. The package hides the
// protocol's library.
package mcptools
