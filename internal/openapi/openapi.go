package openapi

import _ "embed"

// JSON is the OpenAPI 3.1 document.
//
//go:embed openapi.json
var JSON []byte

// Page is the same as HTML, in UTF-8. It loads nothing else.
//
//go:embed page.html
var Page []byte
