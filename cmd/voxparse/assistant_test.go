package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/rogpeppe/go-internal/testscript"
)

// assistant TOOL ARGUMENTS calls a tool of `voxparse mcp` as an assistant does,
// with the protocol's own client, and prints what it answers. ARGUMENTS are a
// JSON object.
func assistant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: assistant TOOL ARGUMENTS")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "voxparse"), "mcp")
	for _, name := range []string{"HOME", "PATH", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "VOXPARSE_MODELS_DIR", "VOXPARSE_NO_KEYRING"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "script"}, nil).Connect(ctx, &mcp.CommandTransport{Command: cmd}, nil)
	ts.Check(err)
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: args[0], Arguments: json.RawMessage(args[1])})
	ts.Check(err)
	for _, c := range result.Content {
		if text, ok := c.(*mcp.TextContent); ok {
			fmt.Fprintln(ts.Stdout(), text.Text)
		}
	}
	ts.Check(session.Close())
}
