package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/site"
)

// newPage groups what concerns maintenance pages.
func newPage(p *program) *cobra.Command {
	page := &cobra.Command{
		Use:   "page",
		Short: "Look at maintenance pages",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	page.AddCommand(newPreview(p))
	return page
}

// newPreview shows a site's page to its author.
func newPreview(p *program) *cobra.Command {
	listen := "127.0.0.1:8503"
	c := oneSite(&cobra.Command{
		Use:   "preview SITE",
		Short: "Show a site's maintenance page on localhost",
		Long:  "Show the site's maintenance page in a browser as visitors would get it, in every language, and load it\nagain whenever its files change. Works without a running controller and changes nothing.",
	}, p)
	c.Flags().StringVar(&listen, "listen", listen, "`address` to listen at; port 0 takes any free one")
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := p.load()
		if err != nil {
			return err
		}
		found, err := findSite(cfg, args[0])
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return fmt.Errorf("%w; try: --listen 127.0.0.1:0", err)
		}
		fmt.Fprintf(p.out, "the page of %s is shown at http://%s/ until you interrupt\n", found.Name, l.Addr())
		return serve(c.Context(), l, site.Preview(found, found.Page))
	}
	return c
}

// serve answers until ctx ends.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
