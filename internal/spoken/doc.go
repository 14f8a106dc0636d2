// Package spoken reads English numbers, years, dates, sums of money and
// percentages as people say them and as recognizers write them. It hides the
// grammar of number words, so that masking, formatting and analysis agree on
// what "twelve hundred dollars" is.
//
// Every reader takes lower-case words without surrounding punctuation and
// returns how many of them, from the first, it understood; 0 means none. A
// caller that must not read across a comma or a full stop cuts the slice there.
// Asks tells a question by its first words.
package spoken
