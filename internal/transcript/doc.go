// Package transcript writes a result as text, subtitles, tables or Markdown. It
// hides the rules of each format and of good subtitles; it is pure, and gives
// the same bytes for the same result.
//
// Subtitles have at most two lines of 42 columns, stay between one second and
// seven, never overlap, and stay longer than the speech where that lets them be
// read at 17 characters a second. They break at the ends of sentences and
// clauses first. Word times of the engine are used where there are any;
// otherwise the time of a segment is shared out by length, for subtitles only.
package transcript
