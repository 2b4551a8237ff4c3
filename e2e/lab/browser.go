package lab

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Browser is a Chromium that trusts one private root and knows one host.
type Browser struct {
	lab *Lab
	ctx context.Context
}

// Screen is what a page is shown on.
type Screen struct {
	Name          string
	Width, Height int64
	Mobile, Dark  bool
}

// Screens are the ones that a page must look right on.
func Screens() []Screen {
	return []Screen{
		{Name: "phone-light", Width: 390, Height: 844, Mobile: true},
		{Name: "phone-dark", Width: 390, Height: 844, Mobile: true, Dark: true},
		{Name: "desktop-light", Width: 1280, Height: 800},
		{Name: "desktop-dark", Width: 1280, Height: 800, Dark: true},
	}
}

// Browser starts Chromium with a profile of its own, in which the PEM root is trusted as an
// operator would add it, and in which every name but host, which is at addr, is unknown.
func (l *Lab) Browser(rootFile, host, addr string) *Browser {
	l.T.Helper()
	chromium := Need(l.T, "chromium")
	home := l.Folder("browser")
	store := "sql:" + l.Folder("browser/.pki/nssdb")
	certutil := Need(l.T, "certutil")
	for _, args := range [][]string{
		{"-N", "-d", store, "--empty-password"},
		{"-A", "-d", store, "-t", "C,,", "-n", "root", "-i", rootFile},
	} {
		if out, err := exec.Command(certutil, args...).CombinedOutput(); err != nil {
			l.T.Fatalf("certutil %v: %v: %s", args, err, out)
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(filepath.Join(home, "profile")), chromedp.Env("HOME="+home),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP "+host+" "+addr+", MAP * ~NOTFOUND"),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	l.T.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancelTab()
		cancelAllocator()
		cancel()
	})
	return &Browser{lab: l, ctx: ctx}
}

// Loaded is what the browser got.
type Loaded struct {
	Status   int64
	Title    string
	Text     string // as a person reads it
	Secure   bool   // the browser holds the connection and the certificate to be good
	Language string // of the document
}

// Open loads a URL as somebody who reads the language does.
func (b *Browser) Open(url, language string) Loaded {
	t := b.lab.T
	t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "lab", AcceptLanguage: language}); err != nil {
		t.Fatalf("set the browser's language: %v", err)
	}
	response, err := chromedp.Run(b.ctx, chromedp.NavigateResponse(url))
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	loaded := Loaded{Status: response.Status, Secure: string(response.SecurityState) == "secure"}
	if loaded.Title, err = chromedp.Run(b.ctx, chromedp.Title()); err != nil {
		t.Fatal(err)
	}
	if loaded.Text, err = chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText")); err != nil {
		t.Fatal(err)
	}
	if loaded.Language, err = chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.documentElement.lang")); err != nil {
		t.Fatal(err)
	}
	return loaded
}

// Shoot shows the loaded page on a screen and keeps the picture. It tells whether the page is
// wider than the screen, so that somebody would have to scroll sideways.
func (b *Browser) Shoot(s Screen, file string) (tooWide bool) {
	t := b.lab.T
	t.Helper()
	scheme := "light"
	if s.Dark {
		scheme = "dark"
	}
	viewport := []chromedp.EmulateViewportOption{chromedp.EmulateScale(1)}
	if s.Mobile {
		viewport = append(viewport, chromedp.EmulateMobile, chromedp.EmulatePortrait)
	}
	media := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(s.Width, s.Height, viewport...), media); err != nil {
		t.Fatalf("emulate %s: %v", s.Name, err)
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatalf("screenshot on %s: %v", s.Name, err)
	}
	if http.DetectContentType(picture) != "image/png" {
		t.Fatalf("screenshot on %s is no PNG", s.Name)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		t.Fatal(err)
	}
	tooWide, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > window.innerWidth"))
	if err != nil {
		t.Fatal(err)
	}
	return tooWide
}
