// Package problem turns trouble with files and folders into an api.Problem: a
// code, a sentence, and the command that mends it or shows more. It hides which
// error of the system means what.
package problem
