package site

import (
	"embed"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed default preview
var embedded embed.FS // read only

// words are the labels around a page's own text.
type words struct {
	Status       string
	Since        string
	Day          string // {n}: the day of the outage, from 2
	NextUpdate   string
	Contact      string
	FraudWarning string
	Links        string
	Official     string
	Reload       string // {n}: minutes
}

// fields maps the keys of words.yaml, and of a page's labels, to the words they set.
func (w *words) fields() map[string]*string {
	return map[string]*string{
		"status": &w.Status, "since": &w.Since, "day": &w.Day, "next_update": &w.NextUpdate,
		"contact": &w.Contact, "fraud_warning": &w.FraudWarning, "links": &w.Links,
		"official": &w.Official, "reload": &w.Reload,
	}
}

// count puts a number into a label.
func count(label string, n int) string { return strings.ReplaceAll(label, "{n}", fmt.Sprint(n)) }

// labels returns a function that reads a mapping of labels over w.
func (r *reader) labels(w *words) func(*yaml.Node) {
	return func(n *yaml.Node) {
		keys := map[string]func(*yaml.Node){}
		fields := w.fields()
		for key := range fields {
			keys[key] = func(n *yaml.Node) {
				var s scalar
				r.text(key, &s)(n)
				*fields[key] = s.text
			}
		}
		r.mapping(n, "labels", keys)
	}
}

// embeddedWords returns the labels that come with the program, by language.
func embeddedWords() (map[string]words, error) {
	data, err := embedded.ReadFile("default/words.yaml")
	if err != nil {
		return nil, err
	}
	r := &reader{file: "default/words.yaml"}
	all := map[string]words{}
	top := r.parse(data)
	for i := 0; top != nil && i+1 < len(top.Content); i += 2 {
		var w words
		r.labels(&w)(top.Content[i+1])
		all[top.Content[i].Value] = w
	}
	if len(r.problems) > 0 {
		return nil, r.problems[0]
	}
	return all, nil
}
