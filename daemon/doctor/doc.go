// Package doctor looks at what the daemon stands on: the machine, the folders,
// the engine, the models, the clock, the receivers. Each check says what it
// found and the command or the act that mends it. It hides how each thing is
// looked at and how systems differ in that. It changes nothing but for a file
// of a moment in the data folder.
package doctor
