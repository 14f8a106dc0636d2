package main

import (
	"io"

	"github.com/spf13/cobra"
)

func jobsAudioCmd(a *app) *cobra.Command {
	var out string
	var overwrite bool
	c := &cobra.Command{
		Use: "audio ID", Short: "Write the silenced copy of a job's audio", Args: args("ID"), ValidArgsFunction: a.completeJobs(),
		Long: `Write the copy of a job's audio in which all that was masked is silent, a WAV
file. A job has one when it was submitted with --redact-audio.`,
		Example: "  voxparse jobs audio last -o call.redacted.wav\n  voxparse jobs audio job_01k… | ffmpeg -i - call.redacted.mp3",
		RunE: func(c *cobra.Command, got []string) error {
			if (out == "" || out == "-") && a.style.tty {
				return usagef("sound is nothing for a terminal: name a file with -o FILE, or pipe it somewhere")
			}
			if err := (target{path: out}).refuse(overwrite); err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := jobID(c.Context(), cl, got[0])
			if err != nil {
				return err
			}
			if out == "" || out == "-" {
				return cl.Audio(c.Context(), id, a.out)
			}
			return fillFile(out, 0o644, func(w io.Writer) error { return cl.Audio(c.Context(), id, w) })
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write, or - for stdout")
	c.Flags().BoolVar(&overwrite, "overwrite", false, "overwrite an existing file")
	return c
}
