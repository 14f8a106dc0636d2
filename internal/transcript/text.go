package transcript

import (
	"bufio"

	"github.com/voxparse/voxparse/api"
)

// writeText writes paragraphs with an empty line between. The speaker's name
// stands at the head of each where there are speakers.
func writeText(w *bufio.Writer, r *api.Result, _ Options) error {
	for i, p := range paragraphs(segments(r)) {
		if i > 0 {
			w.WriteByte('\n')
		}
		if p.speaker != "" {
			w.WriteString(p.speaker + ": ")
		}
		w.WriteString(p.text + "\n")
	}
	return nil
}
