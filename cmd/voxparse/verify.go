package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
	"github.com/voxparse/voxparse/webhook"
)

// verifyFlags are the flags of webhooks verify.
type verifyFlags struct {
	secret, secretFile   string
	headers              []string
	signature, timestamp string
	tolerance            string
}

func webhooksVerifyCmd(a *app) *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: "verify [BODY]", Short: "Check a received request, and explain why it does not verify",
		Long: `Check a request that you received: BODY is a file with the bytes of its body, or
- for standard input. The secret comes from --secret-file, from the variable
VOXPARSE_WEBHOOK_SECRET, or from --secret, where other users of this machine can
see it. Exit code 10 where the signature is not valid.`,
		Example: "  voxparse webhooks verify body.json --secret-file .secret -H \"X-VoxParse-Signature: 9f86…\" -H \"X-VoxParse-Timestamp: 2026-05-03T12:00:00Z\"",
		Args: func(_ *cobra.Command, got []string) error {
			if len(got) > 1 {
				return errors.New("one body at a time")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, got []string) error { return a.verify(got, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.secretFile, "secret-file", "", "`FILE` that holds the secret")
	fl.StringVar(&f.secret, "secret", "", "the `SECRET`, whsec_…")
	fl.StringArrayVarP(&f.headers, "header", "H", nil, "`HEADER` of the request, \"Name: value\" (repeatable), or @FILE with one a line")
	fl.StringVar(&f.signature, "signature", "", "`HEX` of -H \"X-VoxParse-Signature: …\"")
	fl.StringVar(&f.timestamp, "timestamp", "", "`TIME` of -H \"X-VoxParse-Timestamp: …\"")
	fl.StringVar(&f.tolerance, "tolerance", "5m", "`AGE` that the timestamp may have; \"any\" to check the signature alone")
	return c
}

// verification is what webhooks verify --json prints.
type verification struct {
	Valid     bool   `json:"valid"`
	EventID   string `json:"event_id,omitempty"`
	EventType string `json:"event_type,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`
}

func (a *app) verify(got []string, f verifyFlags) error {
	secret, err := f.readSecret()
	if err != nil {
		return err
	}
	tolerance := 100 * 365 * 24 * time.Hour
	if f.tolerance != "any" {
		if tolerance, err = duration.Parse(f.tolerance); err != nil || tolerance == 0 {
			return usagef("--tolerance %s: want a duration such as 5m, or any", f.tolerance)
		}
	}
	h, err := f.header()
	if err != nil {
		return err
	}
	var body []byte
	if len(got) == 0 || got[0] == "-" {
		body, err = io.ReadAll(a.in)
	} else {
		body, err = os.ReadFile(got[0])
	}
	if err != nil {
		return usagef("read the body: %v", err)
	}
	v := verification{Valid: true, Message: "the signature is valid"}
	failed := webhook.Verify(body, h, secret, tolerance)
	if failed != nil {
		v = verification{Message: failed.Error()}
		var why *webhook.VerifyError
		if errors.As(failed, &why) {
			v.Reason, v.Message = string(why.Reason), why.Explain()
		}
	} else if e, err := webhook.Parse(body); err == nil {
		v.EventID, v.EventType = e.ID, e.Type
	}
	return a.printVerification(v, failed)
}

func (a *app) printVerification(v verification, failed error) error {
	if a.json {
		if err := a.printJSON(v); err != nil || failed == nil {
			return err
		}
		return exitError{code: exitSignature, err: failed, silent: true}
	}
	if failed != nil {
		return api.Errorf(api.BadSignature, "%s: %s", v.Reason, v.Message)
	}
	if a.quiet {
		a.printf("%s\n", v.EventID)
		return nil
	}
	a.printf("%s %s\n", a.style.good.Render("valid:"), strings.TrimSpace(v.EventType+" "+v.EventID))
	return nil
}

func (f *verifyFlags) readSecret() (string, error) {
	secret := f.secret
	if f.secretFile != "" {
		data, err := os.ReadFile(f.secretFile)
		if err != nil {
			return "", usagef("read the secret: %v", err)
		}
		secret = strings.TrimSpace(string(data))
	}
	if secret == "" {
		secret = os.Getenv("VOXPARSE_WEBHOOK_SECRET")
	}
	if secret == "" {
		return "", usagef("the secret is missing; give --secret-file FILE or set VOXPARSE_WEBHOOK_SECRET")
	}
	return secret, nil
}

// header collects the headers, each given by itself or by a file of them.
func (f *verifyFlags) header() (http.Header, error) {
	h := http.Header{}
	lines := f.headers
	if f.signature != "" {
		lines = append(lines, webhook.HeaderSignature+": "+f.signature)
	}
	if f.timestamp != "" {
		lines = append(lines, webhook.HeaderTimestamp+": "+f.timestamp)
	}
	for _, l := range lines {
		block := l
		if path, ok := strings.CutPrefix(l, "@"); ok {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, usagef("read the headers: %v", err)
			}
			block = string(data)
		}
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(name, " \t") {
				if block != l {
					continue // a request line in a saved request
				}
				return nil, usagef("-H %q: want \"Name: value\"", line)
			}
			h.Add(name, strings.TrimSpace(value))
		}
	}
	if len(h) == 0 {
		return nil, usagef("the headers are missing; give -H \"%s: …\" and -H \"%s: …\"", webhook.HeaderSignature, webhook.HeaderTimestamp)
	}
	return h, nil
}
