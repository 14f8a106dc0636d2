package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
)

// load reads a config file with the given text and variables.
func load(t *testing.T, text string, flags, env map[string]string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"config": path}
	for k, v := range flags {
		all[k] = v
	}
	return config.Load(all, func(name string) string { return env[name] })
}

func TestStrongerSourcesWin(t *testing.T) {
	text := "model = \"from-file\"\nmax_upload = \"20MB\"\n\n[analysis]\nendpoint = \"http://127.0.0.1:1/v1\"\n"
	tests := []struct {
		name       string
		flags, env map[string]string
		want       string
		origin     string
	}{
		{"file", nil, nil, "from-file", "file"},
		{"variable over file", nil, map[string]string{"VOXPARSE_MODEL": "from-env"}, "from-env", "env VOXPARSE_MODEL"},
		{"flag over variable", map[string]string{"model": "from-flag"}, map[string]string{"VOXPARSE_MODEL": "from-env"}, "from-flag", "flag --model"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, text, tt.flags, tt.env)
			if err != nil {
				t.Fatal(err)
			}
			if c.Model != tt.want {
				t.Errorf("got model %q, want %q", c.Model, tt.want)
			}
			if got := c.Origin("model").String(); !strings.HasPrefix(got, tt.origin) {
				t.Errorf("got origin %q, want %q", got, tt.origin)
			}
			if got := c.Origin("analysis.endpoint").Line; got != 5 {
				t.Errorf("got line %d of analysis.endpoint, want 5", got)
			}
			if c.MaxUpload != 20<<20 {
				t.Errorf("got max_upload %d, want %d", c.MaxUpload, 20<<20)
			}
			if got := c.Origin("plan"); got != (config.Origin{From: config.FromDefault}) {
				t.Errorf("got origin %v of plan, want default", got)
			}
		})
	}
}

func TestMistakesAreNamedWithLineAndFix(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "listen = \"\"\nmodle = \"x\"", `:2: unknown key "modle"; did you mean "model"?`},
		{"unknown key far from all", "zzzzzzzz = 1", `:1: unknown key "zzzzzzzz"; voxparse config show lists`},
		{"unknown key of a folder", "[[folder]]\ndir = \"/x\"\nformat = [\"txt\"]", `:3: unknown key "folder.format"; did you mean "formats"?`},
		{"unknown table", "[analisys]\nmodel = \"x\"", `did you mean "analysis"?`},
		{"syntax", "model = \n", ":1: "},
		{"duplicate key", "model = \"a\"\nmodel = \"b\"", ":2: "},
		{"wrong kind", "workers = \"many\"", `:1: workers: got "many", want a whole number`},
		{"out of range", "workers = -1", ":1: workers: got -1, want 0 to 256"},
		{"number for a string", "plan = 3", ":1: plan: got a number, want a string in quotes"},
		{"number for a duration", "grace = 3", `:1: grace: got a number, want a duration in quotes`},
		{"choice", "plan = \"prro\"", `:1: plan: got "prro", want lite, pro or unlimited; did you mean "pro"?`},
		{"size", "max_upload = \"100 apples\"", `:1: max_upload: got "100 apples", want a size`},
		{"duration", "\ngrace = \"soon\"", `:2: grace: got "soon", want a duration`},
		{"listen", "listen = \"8080\"", `:1: listen: got "8080", want an address and a port`},
		{"listen host", "listen = \"example.com:80\"", `want an IP address or localhost`},
		{"key in the file", "[analysis]\nkey = \"sk-secret\"", `:2: analysis.key: a key stands in the config file by reference only`},
		{"engine without type", "[engines.x]\nurl = \"http://h/v1\"", `:1: engines.x.type: missing`},
		{"engine of an odd type", "[engines.x]\ntype = \"open-ai\"", `:2: engines.x.type: got "open-ai", want sherpa, openai or voxparse; did you mean "openai"?`},
		{"engine with a secret", "[engines.x]\ntype = \"voxparse\"\nkey = \"abc\"", ":3: engines.x.key: a key stands"},
		{"engine with a user in its URL", "[engines.x]\ntype = \"openai\"\nurl = \"http://u:p@h/v1\"", ":3: engines.x.url: a URL with a user"},
		{"folder without dir", "[[folder]]\nafter = \"move\"", ":1: folder[0].dir: missing"},
		{"second folder", "[[folder]]\ndir = \"/a\"\n[[folder]]\ndir = \"/b\"\nafter = \"shred\"", `:5: folder[1].after: got "shred", want leave, move or delete`},
		{"folder twice", "[[folder]]\ndir = \"/a\"\n[[folder]]\ndir = \"/a/\"", ":3: folder /a stands at line 1 already"},
		{"folder formats", "[[folder]]\ndir = \"/a\"\nformats = [\"srt\", \"doc\"]", `:3: folder[0].formats: got "doc"`},
		{"folder formats no list", "[[folder]]\ndir = \"/a\"\nformats = \"srt\"", `:3: folder.formats: want a list of strings`},
		{"folder with one bracket", "[folder]\ndir = \"/a\"", "two brackets"},
		{"folder poll", "[[folder]]\ndir = \"/a\"\npoll = \"1ms\"", ":3: folder[0].poll: "},
		{"folder webhooks", "[[folder]]\ndir = \"/a\"\nwebhooks = [\"mine\"]", `:3: folder[0].webhooks: got "mine", want ids`},
		{"folder pattern", "[[folder]]\ndir = \"/a\"\ninclude = [\"[\"]", `:3: folder[0].include: got "["`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text, nil, nil)
			if err == nil {
				t.Fatal("got no error, want one")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %s\nwant …%s…", err, tt.want)
			}
			if !errors.Is(err, api.Invalid) {
				t.Errorf("got %T, want api.Invalid", err)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := load(t, "modle = \"x\"\nplan = \"gold\"\n[[folder]]\ndir = \"/a\"\nafter = \"x\"", map[string]string{"pin": "maybe"}, map[string]string{"VOXPARSE_GRACE": "x"})
	if err == nil {
		t.Fatal("got no error, want five")
	}
	for _, want := range []string{`"modle"`, `plan: got "gold"`, "folder[0].after", "--pin: got", "VOXPARSE_GRACE: got"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %s\nwant it to hold %s", err, want)
		}
	}
}

func TestThePublicURL(t *testing.T) {
	for value, says := range map[string]string{
		"https://voice.example.com/vox": "", "": "", "voice.example.com": "want a URL such as https://voice.example.com",
		"https://voice.example.com/?a=b": "without ?", "ftp://voice.example.com": "want a URL", "https://me@voice.example.com": "want a URL",
	} {
		c, err := load(t, "hosts = [\"calls\"]\npublic_url = \""+value+"\"\n", nil, nil)
		if says != "" {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: got %v, want %q", value, err, says)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool][]string{true: {"calls", "voice.example.com"}, false: {"calls"}}[value != ""]; !slices.Equal(c.KnownHosts(), want) {
			t.Errorf("%s: got the hosts %v, want %v", value, c.KnownHosts(), want)
		}
	}
}

func TestFoldersAndEngines(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	c, err := load(t, `
[[folder]]
dir = "~/calls"
recursive = false
after = "move"
metadata = {agent = "{dir}"}
[[folder]]
dir = "drop"
formats = ["txt", "srt"]
[engines.cloud]
type = "voxparse"
key = "env:KEY"
[engines.whisper]
type = "sherpa"
family = "whisper"
files = {encoder = "w/e.onnx"}
`, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Dir(c.ConfigFile)
	if got := c.Folders[0]; got.Dir != "/home/someone/calls" || got.Recursive || got.After != "move" || got.Metadata["agent"] != "{dir}" {
		t.Errorf("got first folder %+v", got)
	}
	if got := c.Folders[1]; got.Dir != filepath.Join(base, "drop") || !got.Recursive || got.Existing != "process" {
		t.Errorf("got second folder %+v, want it below %s, recursive, processing", got, base)
	}
	if got := c.Engines["whisper"].Files["encoder"]; got != filepath.Join(base, "w/e.onnx") {
		t.Errorf("got encoder %s, want it below %s", got, base)
	}
	if c.Engines["cloud"].Key != "env:KEY" {
		t.Errorf("got key %q, want the reference", c.Engines["cloud"].Key)
	}
}

func TestEveryOptionOfAFolderCanBeWritten(t *testing.T) {
	c, err := load(t, `
[[folder]]
dir = "/in"
existing = "ignore"
recursive = true
include = ["*.wav"]
exclude = ["draft*"]
settle = "1s"
poll = "30s"
dedupe = "global"
after = "move"
failed = "move"
out = "/out"
formats = ["txt", "json"]
language = "en"
model = "moonshine-base"
mode = "verbatim"
plan = "lite"
instructions = "find promises"
redact_pii = true
redact_audio = true
channels = "mix"
speakers = "2"
webhooks = ["whk_1"]
metadata = {agent = "{dir}", call = "{stem}"}
paused = true
`, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := api.FolderOptions{Recursive: true, Include: []string{"*.wav"}, Exclude: []string{"draft*"}, Settle: "1s", Poll: "30s", Dedupe: "global",
		After: "move", Failed: "move", Out: "/out", Formats: []string{"txt", "json"}, Webhooks: []string{"whk_1"}, Metadata: map[string]string{"agent": "{dir}", "call": "{stem}"}, Paused: true,
		Options: api.Options{Language: "en", Mode: "verbatim", Model: "moonshine-base", Plan: "lite", Instructions: "find promises", RedactPII: true,
			RedactAudio: true, Channels: "mix", Speakers: "2"}}
	if got := c.Folders[0]; !reflect.DeepEqual(got.FolderOptions, want) || got.Existing != "ignore" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Each option of the table is a key of [[folder]], with no line here for it.
func TestEveryOptionOfTheTableIsAKeyOfAFolder(t *testing.T) {
	for _, o := range api.OptionsOn(api.OnTOML) {
		if o.Name == "dir" {
			continue
		}
		value := "x"
		if known := slices.Concat(o.Words, o.Examples); len(known) > 0 {
			value = known[len(known)-1]
		}
		var written, want string
		switch o.Kind {
		case api.KindBool:
			written, want = "true", "[true]"
		case api.KindMap:
			written, want = `{agent = "x"}`, "[agent=x]"
		case api.KindList:
			if o.Name == api.OptionWebhooks {
				value = api.WebhookPrefix + "1"
			}
			written, want = fmt.Sprintf("[%q]", value), "["+value+"]"
		default:
			if o.Name == "out" {
				value = "/x"
			}
			written, want = fmt.Sprintf("%q", value), "["+value+"]"
		}
		c, err := load(t, "[[folder]]\ndir = \"/in\"\n"+o.Name+" = "+written+"\n", nil, nil)
		if err != nil {
			t.Errorf("%s = %s: got %v, want no error", o.Name, written, err)
			continue
		}
		if got := fmt.Sprint(o.Values(&c.Folders[0])); got != want {
			t.Errorf("%s = %s: got %s, want %s", o.Name, written, got, want)
		}
	}
}

func TestPathsFollowTheXDGVariables(t *testing.T) {
	env := map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "/k", "XDG_RUNTIME_DIR": "/r", "HOME": "/h"}
	c, err := config.Load(nil, func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.ConfigFile, c.DataDir, c.CacheDir, c.ModelsDir, c.Socket}
	want := []string{"/c/voxparse/config.toml", "/d/voxparse", "/k/voxparse", "/d/voxparse/models", "/r/voxparse/voxparse.sock"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
	if c.Exists() {
		t.Error("got a config file, want none")
	}
}

func TestALongRuntimeFolderFallsBackToAShortSocket(t *testing.T) {
	env := map[string]string{"XDG_RUNTIME_DIR": "/" + strings.Repeat("r", 120)}
	got := config.DefaultSocket(func(k string) string { return env[k] })
	if len(got) > config.MaxSocketPath || !strings.HasPrefix(got, "/tmp/voxparse-") {
		t.Errorf("got %s, want a short path of the user's own", got)
	}
}

func TestANamedFileMustExist(t *testing.T) {
	_, err := config.Load(map[string]string{"config": "/nowhere/c.toml"}, func(string) string { return "" })
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "/nowhere/c.toml") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestPlanDecidesCapAndRetention(t *testing.T) {
	tests := []struct {
		text string
		cap  int
		keep time.Duration
	}{
		{`plan = "lite"`, 1, 7 * 24 * time.Hour},
		{`plan = "pro"`, 5, 30 * 24 * time.Hour},
		{"plan = \"unlimited\"\nretention = \"2w\"", 0, 14 * 24 * time.Hour},
	}
	for _, tt := range tests {
		c, err := load(t, tt.text, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.WebhookCap() != tt.cap || c.KeepFor() != tt.keep {
			t.Errorf("%s: got %d and %s, want %d and %s", tt.text, c.WebhookCap(), c.KeepFor(), tt.cap, tt.keep)
		}
	}
}

func TestEveryKeyOfTheTableIsInTheShape(t *testing.T) {
	c, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Entries() {
		line := e.Key + " = \"\"\n"
		if section, name, ok := strings.Cut(e.Key, "."); ok {
			line = "[" + section + "]\n" + name + " = \"\"\n"
		}
		if _, err := load(t, line, nil, nil); err != nil && strings.Contains(err.Error(), "unknown") {
			t.Errorf("%s: got %v, want it known", e.Key, err)
		}
		if e.About == "" || e.Origin.From != config.FromDefault {
			t.Errorf("%s: got about %q and origin %q", e.Key, e.About, e.Origin)
		}
	}
}

func TestDurationsOfFoldersMayBeDays(t *testing.T) {
	c, err := load(t, "[[folder]]\ndir = \"/a\"\nsettle = \"1d\"\npoll = \"1w\"\n", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Folders[0]; got.Settle != "1d" || got.Poll != "1w" {
		t.Errorf("got settle %q and poll %q, want 1d and 1w", got.Settle, got.Poll)
	}
	if _, err := load(t, "[[folder]]\ndir = \"/a\"\nsettle = \"0s\"\n", nil, nil); err == nil || !strings.Contains(err.Error(), `settle: got "0s"`) {
		t.Errorf("got %v, want an error that names settle", err)
	}
}

func TestUnknownVariablesAreToldWithTheLikelyOne(t *testing.T) {
	got := config.UnknownVariables([]string{"VOXPARSE_MODLE=x", "VOXPARSE_MODEL=x", "VOXPARSE_URL=x", "VOXPARSE_SOMETHING_ELSE_ALTOGETHER=x", "PATH=/bin"})
	if len(got) != 1 || !strings.Contains(got[0], "VOXPARSE_MODLE has no effect; did you mean VOXPARSE_MODEL?") {
		t.Errorf("got %q, want one sentence on VOXPARSE_MODLE", got)
	}
}

func TestEverySettingIsAFlag(t *testing.T) {
	flags := config.Flags()
	if len(flags) != len(config.Keys()) {
		t.Fatalf("got %d flags, want %d: one for each setting", len(flags), len(config.Keys()))
	}
	for _, f := range flags {
		if f.About == "" || strings.ContainsAny(f.Name, "_.") {
			t.Errorf("got flag %q with help %q, want hyphens and a help", f.Name, f.About)
		}
	}
}

func TestEnginesAreChecked(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no type", `url = "http://127.0.0.1:1"`, `type: missing`},
		{"unknown type", `type = "sherpas"`, `did you mean "sherpa"?`},
		{"openai without url", `type = "openai"`, "url: missing"},
		{"files of a remote engine", "type = \"voxparse\"\nfiles = {tokens = \"t\"}", "did you mean type = \"sherpa\"?"},
		{"sherpa without files", `type = "sherpa"`, "files: missing"},
		{"url of a sherpa engine", "type = \"sherpa\"\nfiles = {tokens = \"t\"}\nurl = \"http://127.0.0.1:1\"", "did you mean type = \"openai\"?"},
		{"url", "type = \"openai\"\nurl = \"ftp://a\"", `got "ftp://a"`},
		{"password", "type = \"openai\"\nurl = \"http://u:p@127.0.0.1\"", "env:NAME"},
		{"key", "type = \"voxparse\"\nkey = \"secret\"", "by reference only"},
		{"language", "type = \"voxparse\"\nlanguage = \"e\"", "language: got"},
		{"timeout", "type = \"voxparse\"\ntimeout = \"1ms\"", "at least 1s"},
		{"rate", "type = \"voxparse\"\nrequests_per_minute = -1", "want 0 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := load(t, "[engines.e]\n"+tt.text+"\n", nil, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %s", err, tt.want)
			}
		})
	}
}
