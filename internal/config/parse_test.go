package config

import "testing"

func TestParseSize(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"4096", 4096, true}, {"100MB", 100 << 20, true}, {"1.5 GiB", 3 << 29, true}, {"2k", 2048, true}, {" 7 b ", 7, true},
		{"", 0, false}, {"MB", 0, false}, {"-1", 0, false}, {"1..2", 0, false}, {"5 parsecs", 0, false}, {"9999999999TB", 0, false},
	}
	for _, tt := range tests {
		got, err := ParseSize(tt.in)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("%q: got %d, %v, want %d, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"100MB", "1.5g", "4096", "9223372036854775807", ".", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("%q: got %d, want no negative size", s, n)
		}
		if back, err := ParseSize(FormatSize(n)); n < 1<<53 && (err != nil || back != n) {
			t.Fatalf("%q: got %d by way of %s, %v, want %d", s, back, FormatSize(n), err, n)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"model = \"x\"", "[[folder]]\ndir = \"/a\"\n", "[engines.x]\ntype = \"openai\"\n", "a.b.c = 1\n", "folder = 3", "[engines]\nx = 1",
		"analysis = {key = \"env:X\"}", "[[engines]]\n", "[[folder.metadata]]\n", "[folder]\n[[folder]]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse("config.toml", data)
		if err != nil {
			return
		}
		c := &Config{origins: map[string]Origin{}}
		var p problems
		for _, k := range keys {
			c.resolve(k, nil, func(string) string { return "" }, file, &p)
		}
		c.Engines, c.Folders = file.shape.Engines, file.shape.Folder
		c.checkTables(file, &p)
	})
}
