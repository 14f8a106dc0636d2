package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/internal/mcptools"
)

func mcpCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "mcp", Short: "Give an assistant the transcripts of this machine (MCP)", Args: args(),
		Long: `Speak the Model Context Protocol on standard input and output, for an assistant
that starts this command. It gets four tools: transcribe_file, get_transcript,
search_transcripts and list_jobs. Nothing is sent anywhere else, but what the
assistant reads, it may send to its own model. The example is what the settings
of most assistants want.`,
		Example: `  {"mcpServers": {"voxparse": {"command": "voxparse", "args": ["mcp"]}}}`,
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			return mcptools.Serve(c.Context(), cl, version, io.NopCloser(a.in), os.Stdout)
		},
	}
}
