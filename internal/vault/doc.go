// Package vault keeps secrets from whoever copies the database: it seals them
// with a master key that lies elsewhere, in the keyring of the desktop or in a
// file of its own, and it keeps the API keys, of which only hashes are stored.
// It hides the keyring, the cipher and the files.
package vault
