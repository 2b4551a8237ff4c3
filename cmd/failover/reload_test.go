package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/failover-dns/failover/config"
)

const reloadConfig = `
controller {
  data_dir = %[1]q
  admin    = ""
}
dns "builtin" "own" {
  zones       = ["example.org"]
  listen      = ["127.0.0.1:%[2]d"]
  nameservers = ["ns1.example.net"]
  records     = ["www 5 IN A 127.0.0.1"]
}
fallback {
  ipv4  = ["127.0.0.2"]
  http  = []
  https = ["127.0.0.2:%[3]d"]
  check = ["127.0.0.2:%[3]d"]
}
references { none = true }
site "www" {
  hosts    = ["www.example.org"]
  origin   = ["127.0.0.1"]
  page     = %[4]q
  up_after = %[5]q
}
`

// TestReloadOutlivesWhoAskedForIt: an operator's connection ends right after the reload, and the
// pages are followed all the same.
func TestReloadOutlivesWhoAskedForIt(t *testing.T) {
	dir := t.TempDir()
	pages := filepath.Join(dir, "pages")
	page := func(title string) {
		text := "---\ntitle: " + title + "\n---\n\nWe are on it.\n"
		if err := os.WriteFile(filepath.Join(pages, "page.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(pages, 0o700); err != nil {
		t.Fatal(err)
	}
	page("One")
	dns, err := commonPort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	web, err := commonPort("127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "failover.hcl")
	configure := func(upAfter string) {
		text := fmt.Sprintf(reloadConfig, filepath.Join(dir, "data"), dns, web, pages, upAfter)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("2m")
	a, err := newApp(appOptions{Log: io.Discard, Load: func() (*config.Config, error) { return config.Load(path) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	started := make(chan struct{})
	go func() { ended <- a.run(ctx, func(context.Context) { close(started) }) }()
	<-started
	configure("3m")
	asking, hangUp := context.WithCancel(ctx)
	if err := a.reload(asking); err != nil {
		t.Fatal(err)
	}
	hangUp()
	rendered := func() uint64 {
		a.pages.mu.Lock()
		defer a.pages.mu.Unlock()
		return a.pages.changes
	}
	before := rendered()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for tries := 0; rendered() == before; tries++ {
		if tries == 100 {
			t.Fatal("an edit of the page is not followed after a reload whose asker hung up")
		}
		page(fmt.Sprint("Edition ", tries/20)) // again now and then, for the watching may begin a moment late
		<-tick.C
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
