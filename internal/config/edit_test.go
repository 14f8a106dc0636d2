package config_test

import (
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/config"
)

func TestSet(t *testing.T) {
	tests := []struct{ what, file, key, value, want string }{
		{"an empty file", "", "plan", "lite", "plan = \"lite\"\n"},
		{"nothing but comments", "# mine\n", "plan", "lite", "# mine\nplan = \"lite\"\n"},
		{"a value with a comment", "# mine\nplan   =  \"pro\"  # \"#1\"\n\n[analysis]\nenabled = true\n", "plan", "lite",
			"# mine\nplan   =  \"lite\"  # \"#1\"\n\n[analysis]\nenabled = true\n"},
		{"a value with a number sign", "language = \"e#n\" # x\nworkers = 2", "workers", "3", "language = \"e#n\" # x\nworkers = 3"},
		{"a new setting", "plan = \"pro\"\n\n[analysis]\nenabled = true\n", "workers", "2", "plan = \"pro\"\nworkers = 2\n\n[analysis]\nenabled = true\n"},
		{"a new setting above tables", "# mine\n\n# of the analysis\n[analysis]\nenabled = true\n", "workers", "2",
			"# mine\n\nworkers = 2\n\n# of the analysis\n[analysis]\nenabled = true\n"},
		{"a table that is there", "[analysis] # x\n# y\nenabled = true\n[[folder]]\ndir = \"/a\"\n", "analysis.timeout", "90s",
			"[analysis] # x\ntimeout = \"1m30s\"\n# y\nenabled = true\n[[folder]]\ndir = \"/a\"\n"},
		{"a setting in a table", "[analysis]\nenabled = true # z\n", "analysis.enabled", "false", "[analysis]\nenabled = false # z\n"},
		{"a dotted key", "analysis.enabled = true\n", "analysis.enabled", "no", "analysis.enabled = false\n"},
		{"a table that is not there", "plan = \"pro\"\n", "analysis.enabled", "false", "plan = \"pro\"\n\n[analysis]\nenabled = false\n"},
		{"a list", "hosts = [\"a\"] # b\n", "hosts", "c,d", "hosts = [\"c\", \"d\"] # b\n"},
		{"below a list of several lines", "hosts = [\n  \"a\",\n]\n", "workers", "1", "workers = 1\nhosts = [\n  \"a\",\n]\n"},
		{"line ends of Windows", "plan = \"pro\"\r\nworkers = 1\r\n", "plan", "lite", "plan = \"lite\"\r\nworkers = 1\r\n"},
		{"text with quotes", "", "model_mirror", `/a "b"\c`, "model_mirror = \"/a \\\"b\\\"\\\\c\"\n"},
	}
	for _, tt := range tests {
		got, err := config.Set("config.toml", []byte(tt.file), tt.key, tt.value)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", tt.what, got, err, tt.want)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	tests := []struct{ what, file, key, value, want string }{
		{"an unknown setting", "", "plna", "lite", `there is no setting "plna"; did you mean "plan"?`},
		{"a wrong value", "", "plan", "gold", "plan: got \"gold\""},
		{"a file with mistakes", "plan = \n", "workers", "1", "config.toml:1"},
		{"a list of several lines", "hosts = [\n  \"a\",\n]\n", "hosts", "b", "several lines"},
		{"a table within a line", "analysis = { enabled = true }\n", "analysis.enabled", "false", "change it in an editor"},
		{"a new setting of a table within a line", "analysis = { enabled = true }\n", "analysis.timeout", "5s", "config.toml"},
	}
	for _, tt := range tests {
		got, err := config.Set("config.toml", []byte(tt.file), tt.key, tt.value)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %q, %v, want an error with %q", tt.what, got, err, tt.want)
		}
	}
}
