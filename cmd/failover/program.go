package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

const (
	defaultConfig = "/etc/failover/failover.hcl"
	defaultSocket = "/var/lib/failover/failover.sock"
)

// program is one run of the command: its streams and the flags that all commands share.
type program struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string

	config string // --config
	socket string // --socket
}

const long = `failover watches sites. When a site's origin dies it repoints the site's DNS records to its own web
server, which answers with a maintenance page over TLS; when the origin is well again it puts back
exactly what was there.

`

// The groups of commands in the help text.
const (
	groupLook  = "look"
	groupHand  = "hand"
	groupSetUp = "setup"
)

// newRoot builds the command tree.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "failover",
		Short:         "Emergency fallback hosting and DNS failover",
		Long:          long + exitCodes,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          noCommand,
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&p.config, "config", "c", cmp.Or(p.getenv("FAILOVER_CONFIG"), defaultConfig), "configuration `file or directory`; env FAILOVER_CONFIG")
	flags.StringVar(&p.socket, "socket", p.getenv("FAILOVER_SOCKET"), "`path` of the controller's socket, by default the configuration's; env FAILOVER_SOCKET")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%v; try: %s --help", err, c.CommandPath())
	})
	root.AddGroup(&cobra.Group{ID: groupLook, Title: "Look:"}, &cobra.Group{ID: groupHand, Title: "By hand:"}, &cobra.Group{ID: groupSetUp, Title: "Set up and run:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupLook, newStatus(p), newHistory(p), newPlan(p), newCheck(p))
	add(groupHand, newOrders(p)...)
	add(groupSetUp, newRun(p), newInit(p), newValidate(p), newState(p), newPage(p), newDemo(p), newVersion(p))
	root.SetHelpCommandGroupID(groupSetUp)
	root.SetCompletionCommandGroupID(groupSetUp)
	return root
}

// noCommand is run when the first word is no command.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	c.SuggestionsMinimumDistance = 2
	for _, s := range c.SuggestionsFor(args[0]) {
		text += "; try: " + c.CommandPath() + " " + s
	}
	return usage("%s; try: %s --help", text, c.CommandPath())
}

// args turns cobra's complaint about arguments into a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usage("%v; try: %s", err, c.UseLine())
		}
		return nil
	}
}

// oneSite takes exactly one site and completes its name.
func oneSite(c *cobra.Command, p *program) *cobra.Command {
	c.Args = args(cobra.ExactArgs(1))
	c.ValidArgsFunction = p.completeSites(1)
	return c
}

// completeSites offers the site names of the configuration that are not on the line yet.
func (p *program) completeSites(most int) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var names []string
		cfg, err := config.Load(p.config)
		if err != nil || len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, s := range cfg.Sites {
			if strings.HasPrefix(s.Name, prefix) && !slices.Contains(given, s.Name) {
				names = append(names, s.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// load reads the configuration.
func (p *program) load() (*config.Config, error) {
	cfg, err := config.Load(p.config)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; try: failover init, which writes one; try: --config PATH", err)
	}
	if err == nil {
		err = inspect(cfg)
	}
	if err != nil {
		return nil, &configError{err}
	}
	return cfg, nil
}

// door returns a client for the running controller. A configuration that cannot be read must not
// stand in an operator's way: then the usual socket is tried.
func (p *program) door() *admin.Client {
	if p.socket != "" {
		return admin.Dial(p.socket)
	}
	cfg, err := config.Load(p.config)
	if err == nil {
		return admin.Dial(cfg.Controller.Socket)
	}
	p.warn("the configuration cannot be read, so the controller is looked for at %s; try: failover validate; try: --socket PATH", defaultSocket)
	return admin.Dial(defaultSocket)
}

// findSite returns a site of the configuration.
func findSite(cfg *config.Config, name string) (failover.Site, error) {
	var names []string
	for _, s := range cfg.Sites {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return failover.Site{}, admin.NewUnknownSite(name, names)
}

// format is the value of --output.
type format string

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "format" }
func (f *format) Set(s string) error {
	if s != "text" && s != "json" {
		return errors.New("must be text or json")
	}
	*f = format(s)
	return nil
}

// outputFlag adds -o to a command.
func outputFlag(c *cobra.Command) *format {
	f := format("text")
	c.Flags().VarP(&f, "output", "o", "`text or json`")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return &f
}

// json writes a value for programs, a nil slice as [].
func (p *program) json(value any) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}
