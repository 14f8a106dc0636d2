package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/vault"
)

// printed is what each command prints as JSON, of a list one item: the members
// are the fields that --json=FIELDS chooses from.
var printed = map[string]any{
	"jobs list":           api.Job{},
	"jobs show":           api.Job{},
	"jobs wait":           api.Job{},
	"jobs cancel":         api.Job{},
	"jobs retry":          api.Job{},
	"search":              api.SearchHit{},
	"watch add":           api.Folder{},
	"watch list":          api.Folder{},
	"watch show":          api.Folder{},
	"watch edit":          api.Folder{},
	"watch pause":         api.Folder{},
	"watch resume":        api.Folder{},
	"watch rescan":        api.Folder{},
	"webhooks add":        api.Webhook{},
	"webhooks list":       api.Webhook{},
	"webhooks show":       api.Webhook{},
	"webhooks edit":       api.Webhook{},
	"webhooks enable":     api.Webhook{},
	"webhooks rotate":     api.Webhook{},
	"webhooks test":       api.Delivery{},
	"webhooks deliveries": api.Delivery{},
	"webhooks delivery":   api.Delivery{},
	"webhooks redeliver":  api.Delivery{},
	"webhooks replay":     api.ReplayAnswer{},
	"watch explain":       api.FolderFile{},
	"webhooks verify":     verification{},
	"models list":         modelLine{},
	"models pull":         pulled{},
	"daemon start":        running{},
	"daemon restart":      running{},
	"daemon status":       running{},
	"daemon backup":       backedUp{},
	"daemon restore":      restoredFrom{},
	"daemon compact":      compacted{},
	"daemon repair":       repaired{},
	"status":              api.Status{},
	"doctor":              api.Checkup{},
	"config show":         configView{},
	"config get":          config.Entry{},
	"config set":          config.Entry{},
	"keys add":            newKey{},
	"keys list":           vault.Key{},
	"version":             build{},
}

// fieldsOf returns the fields that c prints, sorted.
func fieldsOf(c *cobra.Command) []string {
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	v, ok := printed[path]
	if !ok {
		return nil
	}
	out := members(reflect.TypeOf(v))
	slices.Sort(out)
	return slices.Compact(out)
}

// members are the names that encoding/json gives the fields of a struct.
func members(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, members(f.Type)...)
		case f.IsExported() && name != "-" && name != "":
			out = append(out, name)
		}
	}
	return out
}

// checkFields returns an error with the fields that there are where one of
// those that were asked for is none of them.
func checkFields(c *cobra.Command, asked []string) error {
	have := fieldsOf(c)
	if len(asked) > 0 && len(have) == 0 {
		return usagef("%s has no fields to choose from; what it prints can be taken apart with --jq", c.CommandPath())
	}
	for _, f := range asked {
		if !slices.Contains(have, f) {
			return usagef("unknown field %q for --json; there are:\n  %s", f, strings.Join(have, "\n  "))
		}
	}
	return nil
}

// choose leaves only the fields in v, in the order in which v has them.
func choose(v any, fields []string) (any, error) {
	raw, err := marshal(v)
	if err != nil {
		return nil, err
	}
	if l, ok := v.(interface{ isListing() }); ok {
		var items listing[json.RawMessage]
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, fmt.Errorf("choose fields of %T: %w", l, err)
		}
		for i, it := range items.Items {
			if items.Items[i], err = chosen(it, fields); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	return chosen(raw, fields)
}

// chosen is choose for one object.
func chosen(raw json.RawMessage, fields []string) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("choose fields: %w", err)
	}
	var kept []string
	for dec.More() {
		var value json.RawMessage
		name, err := dec.Token()
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			return nil, fmt.Errorf("choose fields: %w", err)
		}
		if s, ok := name.(string); ok && slices.Contains(fields, s) {
			kept = append(kept, fmt.Sprintf("%q:%s", s, value))
		}
	}
	return json.RawMessage("{" + strings.Join(kept, ",") + "}"), nil
}

// completeFields offers the fields that do not stand in the list yet.
func completeFields(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	there := strings.Split(before, ",")
	var out []string
	for _, f := range fieldsOf(c) {
		if !slices.Contains(there, f) {
			out = append(out, before+f)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
