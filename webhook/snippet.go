package webhook

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/voxparse/voxparse/api"
)

//go:embed snippets
var snippetFiles embed.FS

var snippetTemplates = template.Must(template.ParseFS(snippetFiles, "snippets/*.tmpl"))

// SnippetParams fill a snippet in. Secrets have no place in one: the code reads
// it from the environment.
type SnippetParams struct {
	SecretEnv string // name of the variable with the secret; "": VOXPARSE_WEBHOOK_SECRET
	Port      int    // to listen on unless $PORT says otherwise; 0: 3000
	Path      string // of the webhook's URL; "": /hook
}

// SnippetLangs returns the languages of Snippet: curl, node, python and go.
func SnippetLangs() []string { return []string{"curl", "node", "python", "go"} }

var (
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	pathName = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)
)

// Snippet returns a program that receives events, ready to run: it verifies the
// raw body, refuses old and forged requests, acts on each event once, and needs
// no library beyond those of its language (Go: this package). That of curl is a
// shell script which verifies a stored request with openssl, and posts a signed
// test event. Its errors are api.Invalid.
func Snippet(lang string, p SnippetParams) (string, error) {
	if !slices.Contains(SnippetLangs(), lang) {
		known := strings.Join(SnippetLangs(), ", ")
		if near := api.Nearest(lang, SnippetLangs()); near != "" {
			return "", api.Errorf(api.Invalid, "there is no snippet for %.40q; did you mean %s? (%s)", lang, near, known)
		}
		return "", api.Errorf(api.Invalid, "there is no snippet for %.40q; choose one of %s", lang, known)
	}
	if p.SecretEnv == "" {
		p.SecretEnv = "VOXPARSE_WEBHOOK_SECRET"
	}
	if p.Path == "" {
		p.Path = "/hook"
	}
	if p.Port == 0 {
		p.Port = 3000
	}
	switch {
	case !envName.MatchString(p.SecretEnv):
		return "", api.Errorf(api.Invalid, "%.40q is not a valid name of an environment variable", p.SecretEnv)
	case !pathName.MatchString(p.Path):
		return "", api.Errorf(api.Invalid, "the path of a snippet begins with / and has letters, digits and . _ ~ - / only")
	case p.Port < 1 || p.Port > 65535:
		return "", api.Errorf(api.Invalid, "the port of a snippet must be 1 to 65535")
	}
	var out bytes.Buffer
	if err := snippetTemplates.ExecuteTemplate(&out, lang+".tmpl", p); err != nil {
		return "", fmt.Errorf("write the snippet for %s: %w", lang, err)
	}
	return out.String(), nil
}
