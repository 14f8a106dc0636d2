package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/daemon/datadir"
)

// repaired is what daemon repair --json prints.
type repaired struct {
	Path    string          `json:"path"`
	Copy    string          `json:"copy"`
	Kept    map[string]int  `json:"kept"`
	Dropped []droppedRecord `json:"dropped"`
}

type droppedRecord struct {
	Kind   string `json:"kind"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
}

func daemonRepairCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "repair", Short: "Make a damaged database anew from what can be read of it", Args: args(),
		Long: `Make the database anew from every record that can be read; queues, indexes and counts
follow from the records. What cannot be read is named. The damaged file stays where
it is, under another name. The daemon must not run.`,
		Example: "  voxparse daemon stop && voxparse daemon repair && voxparse daemon start",
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := a.stoppedDatabase(c.Context())
			if err != nil {
				return err
			}
			done, err := datadir.Repair(c.Context(), path)
			if err != nil {
				return err
			}
			return a.printRepaired(path, done)
		},
	}
}

func (a *app) printRepaired(path string, done datadir.Repaired) error {
	r := repaired{Path: path, Copy: done.Copy, Kept: done.Kept, Dropped: []droppedRecord{}}
	for _, d := range done.Dropped {
		r.Dropped = append(r.Dropped, droppedRecord{d.Kind, d.ID, d.Why})
	}
	return printOne(a, r, done.Copy, func() {
		a.printf("%s is valid: %s\n", oneLine(path), keptText(done.Kept))
		for _, d := range r.Dropped {
			a.printf("dropped %s %s: %s\n", d.Kind, oneLine(d.ID), oneLine(d.Reason))
		}
		a.printf("the file as it was: %s\n", oneLine(done.Copy))
	})
}

func keptText(kept map[string]int) string {
	return fmt.Sprintf("jobs %d, transcripts %d, webhooks %d, deliveries %d, drop folders %d, files %d",
		kept["job"], kept["result"], kept["webhook"], kept["delivery"], kept["folder"], kept["file"])
}
