package moonshine

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The tokens that begin and end a text.
const (
	beginning = 1
	ending    = 2
)

// readTokens reads a table of tokens: on each line its text, in base64, and
// its number. The table need not name all of the model's.
func readTokens(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		id, err := strconv.Atoi(fields[len(fields)-1])
		if err != nil || id < 0 || id > 1<<20 || len(fields) > 2 {
			return nil, fmt.Errorf("read the tokens of %s: line %d is not a text and a number", path, len(out)+1)
		}
		text, err := base64.StdEncoding.DecodeString(fields[0])
		if err != nil {
			text = []byte(fields[0])
		}
		for len(out) <= id {
			out = append(out, "")
		}
		out[id] = strings.ReplaceAll(string(text), "▁", " ")
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the tokens of %s: %w", path, err)
	}
	return out, nil
}
