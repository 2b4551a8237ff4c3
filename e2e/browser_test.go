package e2e

import (
	"path/filepath"
	"testing"

	"github.com/failover-dns/failover/e2e/lab"
)

// artifacts keeps the pictures of the page, for people.
const artifacts = "artifacts"

// A browser that trusts the certificate authority, and nothing else, reads the page over HTTPS.
func TestChromium(t *testing.T) {
	t.Parallel()
	w := newWorld(t, (*lab.Lab).BIND)
	controller := w.Controller(binary, w.config(), w.env()...)
	controller.WaitReady(t, "www")
	if said := controller.Run("trigger", "www", "--reason", "pictures", "--yes"); said.Code != 0 {
		t.Fatalf("trigger: exit code %d\n%s%s", said.Code, said.Out, said.Err)
	}
	browser := w.Browser(w.acme.RootFile, host, w.fallbackAddr())
	for _, language := range []string{"en", "ja"} {
		loaded := browser.Open("https://"+host+"/some/page?a=b", language)
		if loaded.Status != 503 || !loaded.Secure {
			t.Errorf("%s: status %d, secure %v; expected 503 over a connection that the browser trusts", language, loaded.Status, loaded.Secure)
		}
		if loaded.Title == "" || len(loaded.Text) < 80 || loaded.Language != language {
			t.Errorf("%s: title %q, language %q, text %q", language, loaded.Title, loaded.Language, loaded.Text)
		}
		for _, screen := range lab.Screens() {
			if browser.Shoot(screen, filepath.Join(artifacts, language+"-"+screen.Name+".png")) {
				t.Errorf("%s: the page is wider than %s", language, screen.Name)
			}
		}
	}
}
