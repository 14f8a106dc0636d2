// Package duration reads and writes durations as people give them in the config
// file, in flags and in the options of drop folders: as time.ParseDuration does,
// and in days and weeks. It reads times as requests give them, too. It hides the
// one set of units and bounds.
package duration
