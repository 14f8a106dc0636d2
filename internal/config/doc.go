// Package config reads voxparse's settings: flags over VOXPARSE_* variables
// over the TOML file over defaults. It hides the TOML library, the rules of
// the platform's folders, and where each value came from; every mistake in the
// file is reported with its line and its fix, all of them at once.
package config
