// Package filetype tells from the first bytes of a file whether it is worth
// decoding: files that are certainly something else than audio are refused when
// they are submitted, with the name of what they are.
//
// It hides the library that knows the signatures of file formats, and which of
// them are certain enough to refuse a file for.
package filetype
