package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

// A page that is left open asks every half minute who serves the site, and loads itself again when
// that is not the page any more (default/comeback.js). The time is drawn at random, so that visitors
// do not all come at once. Where our own header is missing it is not the fallback that answers:
// anything but a server's error then means that the site is back. A page that answered a form is
// asked for anew and not sent again. Without script there is the slower refresh of the layout.

// strict is what any page needs: its own style, and nothing from anywhere.
const strict = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

// policy returns the Content-Security-Policy (level 3, section 8.3) of a finished page: the one
// script in it, by its digest, may run and ask its own host.
func policy(page []byte) string {
	text := strict
	if _, rest, found := bytes.Cut(page, []byte("<script>")); found {
		script, _, _ := bytes.Cut(rest, []byte("</script>"))
		digest := sha256.Sum256(script)
		text += "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; connect-src 'self'"
	}
	return text + "; frame-ancestors 'none'"
}

// comeback returns the script, as it stands in the page.
func comeback() (template.JS, error) {
	script, err := embedded.ReadFile("default/comeback.js")
	return template.JS(bytes.TrimSpace(script)), err
}
