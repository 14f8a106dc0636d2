// Package polish makes a transcript readable: sentence case, clean
// punctuation, numbers and amounts in figures, without fillers and false
// starts. It never adds a word that was not said. It hides how a change of the
// text keeps the words with their times in step.
//
// In the order of work it comes first, before packages redact and analysis.
package polish
