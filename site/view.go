package site

import (
	"bytes"
	"html"
	"html/template"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"

	"github.com/failover-dns/failover/failover"
)

// hostMark stands for the site's host in a page's text.
const hostMark = "{host}"

// view is what the layout shows.
type view struct {
	Lang, Title, Host, Summary, Fraud string
	RTL                               bool
	Words                             words
	Style                             template.CSS
	Script                            template.JS
	Refresh                           int // seconds
	Since, Next                       *clock
	Body                              template.HTML
	Contact                           *contactView
	Links                             []linkView
	Others                            []other
}

type contactView struct {
	Text, Tel, Mailto string
	TelURL            template.URL
}

type linkView struct {
	Text     string
	URL      template.URL // checked by isLink
	Official bool
}

// other is the gist of the page in one more language.
type other struct {
	Lang, Title, Summary string
	RTL                  bool
}

// execute renders one document.
func (s *Source) execute(i int, in RenderInput, key renderKey) ([]byte, error) {
	d := s.documents[i]
	reload := min(max(key.retry, minRetry), maxReload)
	v := view{
		Lang: d.lang.String(), RTL: rtl(d.lang), Host: key.host, Style: s.program.style, Script: s.program.script,
		Title: fill(d.title, key.host), Summary: fill(d.summary, key.host), Fraud: fill(d.fraud, key.host),
		Words: d.words, Refresh: int(reload.Seconds()),
		Since: d.clock(d.sinceOr(in.Since), in.Now),
		Body:  template.HTML(fillHTML(d.body, key.host)), // sanitised when it was loaded
	}
	v.Words.Reload = count(d.words.Reload, int((reload+time.Minute-1)/time.Minute))
	if !d.overdue(in.Now) {
		v.Next = d.clock(d.nextUpdate, time.Time{})
	}
	if c := d.contact; c != (contact{}) {
		v.Contact = &contactView{fill(c.Text.text, key.host), c.Tel.text, fill(c.Mailto.text, key.host), template.URL(telURL(c.Tel.text))}
	}
	for _, l := range d.links {
		v.Links = append(v.Links, linkView{fill(l.text.text, key.host), template.URL(fill(l.url.text, key.host)), l.official})
	}
	for j, o := range s.documents {
		if j != i {
			v.Others = append(v.Others, other{o.lang.String(), fill(o.title, key.host), fill(o.summary, key.host), rtl(o.lang)})
		}
	}
	var out bytes.Buffer
	if err := s.program.layout.Execute(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// hostOf returns the host that a page names: the first that is not a wildcard, without final dot,
// in Unicode where it is an internationalised name.
func hostOf(s failover.Site) string {
	if len(s.Hosts) == 0 {
		return s.Name
	}
	i := max(0, slices.IndexFunc(s.Hosts, func(h failover.Host) bool { return !strings.HasPrefix(h.Name, "*.") }))
	name := strings.TrimSuffix(strings.TrimPrefix(s.Hosts[i].Name, "*."), ".")
	if unicode, err := idna.Display.ToUnicode(name); err == nil {
		return unicode
	}
	return name
}

// fill puts the host into a text.
func fill(text, host string) string { return strings.ReplaceAll(text, hostMark, host) }

// fillHTML puts the host into HTML, where links hold the mark escaped.
func fillHTML(text, host string) string {
	host = html.EscapeString(host)
	return strings.ReplaceAll(fill(text, host), "%7Bhost%7D", host)
}

// rtl tells whether a language is written from right to left.
func rtl(tag language.Tag) bool {
	script, _ := tag.Script()
	return slices.Contains([]string{"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm"}, script.String())
}
