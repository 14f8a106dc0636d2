// Package backup is the form of a backup: one tar file with the database, the
// audio that waits, on request the master key sealed with a passphrase, and at
// its end a list of contents with the size and SHA-256 of each. Without that list
// a file is not whole.
package backup
