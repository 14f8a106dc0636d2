package api

// Formats are the forms that a transcript can be written in. Each is the
// extension of its files too.
var Formats = []string{"txt", "srt", "vtt", "json", "tsv", "md"}
