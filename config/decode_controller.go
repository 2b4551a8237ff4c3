package config

import (
	"net/netip"
	"path/filepath"
)

const (
	defaultDataDir = "/var/lib/failover"
	socketName     = "failover.sock"
)

func defaultAdmin() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:9180") }

// config decodes every block, in the order in which they need one another.
func (l *loader) config(blocks map[string][]body) *Config {
	cfg := &Config{Controller: l.controller(blocks["controller"])}
	for _, b := range blocks["dns"] {
		cfg.DNS = append(cfg.DNS, l.dns(b))
	}
	cfg.ACME = l.acme(blocks["acme"], cfg.DNS)
	cfg.Fallback = l.ourselves(blocks["fallback"], blocks["site"])
	cfg.References = l.references(blocks["references"])
	cfg.Propagation = l.propagation(blocks["propagation"])
	cfg.Sites = l.sites(blocks["site"], cfg)
	l.fitReferences(cfg)
	return cfg
}

// only returns the single block of its type among all files.
func (l *loader) only(all []body, s schema) (body, bool) {
	if len(all) == 0 {
		return body{}, false
	}
	for _, more := range all[1:] {
		l.complain(more.at, "keep one of them", "%s is given a second time; the first is at %s", more.title, place(all[0].at))
	}
	all[0].open(s)
	return all[0], true
}

func (l *loader) controller(all []body) Controller {
	c := Controller{DataDir: defaultDataDir, Admin: defaultAdmin(), LogLevel: "info", BackupKeep: 20}
	if b, found := l.only(all, controllerSchema); found {
		c.DataDir = b.path("data_dir", defaultDataDir)
		c.Socket = b.path("socket", "")
		c.LogLevel = b.choice("log_level", "info", "debug", "warn", "error")
		c.LogJSON = b.choice("log_format", "text", "json") == "json"
		c.Backup = b.paths("backup", "/mnt/elsewhere/failover")
		c.BackupKeep = b.number("backup_keep", 20, 1, 10000)
		if b.has("resolvers") {
			for _, r := range b.addressPorts("resolvers", "192.0.2.53:53", b.dial) {
				c.Resolvers = append(c.Resolvers, r.String())
			}
		}
		if t, given := b.text("admin"); given && t.value == "" {
			c.Admin = netip.AddrPort{}
		} else if given {
			c.Admin, _ = b.listen("admin", `"127.0.0.1:9180"`, t)
		}
		for _, w := range b.each("webhook") {
			c.Webhooks = append(c.Webhooks, l.webhook(w))
		}
	}
	if c.Socket == "" {
		c.Socket = filepath.Join(c.DataDir, socketName)
	}
	return c
}

func (l *loader) webhook(b body) Webhook {
	b.open(webhookSchema)
	w := Webhook{Name: b.labels[0], URL: b.web("url", true), Secret: b.secret("secret")}
	if b.label(w.Name) {
		l.once("webhook "+quote(w.Name), b.at, "give it another name, or take one out")
	}
	if !b.has("url") {
		b.missing("url", `url = "https://hooks.example.net/failover"`)
	}
	if !b.has("secret") {
		b.missing("secret", `secret = env("WEBHOOK_SECRET"); the receiver needs it to tell our messages from others'`)
	}
	return w
}
