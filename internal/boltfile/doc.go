// Package boltfile reads the pages of a bbolt file without trusting a byte of
// them. bbolt maps the file and follows what it finds there, so a damaged one
// can end the process; here damage is an error, in words. It hides the layout of
// pages. It only reads, and does not need bbolt.
package boltfile
