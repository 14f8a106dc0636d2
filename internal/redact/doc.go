// Package redact finds card numbers, social security numbers, phone numbers
// and e-mail addresses in a transcript, whether written or said in words, and
// masks them. It hides how such things are spoken ("double four", "oh", "dot
// com"), how they break over segments and speakers, and how the times of a
// part of a segment are had.
//
// In the order of work it comes after package polish and before package
// analysis. What is found depends on the words around it too, so a whole
// result is better than its pieces. English only, apart from what is written
// in digits or with an @.
package redact
