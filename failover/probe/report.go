package probe

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// WriteReport prints layers as a person reads them: a verdict, then each look from the bottom up.
func WriteReport(w io.Writer, site failover.Site, layers []Layer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "site %s: %s\n", site.Name, summary(layers))
	subject := ""
	for _, l := range layers {
		if l.Subject != subject {
			subject = l.Subject
			fmt.Fprintf(out, "\n%s\n", subject)
		}
		fmt.Fprintln(out, headline(l))
		for _, line := range []struct{ label, text string }{
			{"means:", l.Meaning}, {"try:", l.Try}, {"warning:", l.Warning},
		} {
			if line.text != "" {
				fmt.Fprintf(out, "  %8s %-8s %s\n", "", line.label, line.text)
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return nil
}

// headline is a layer in one line.
func headline(l Layer) string {
	took := ""
	if l.Took > 0 {
		took = round(l.Took).String()
	}
	return strings.TrimRight(fmt.Sprintf("  %-8s %-11s %8s  %s", l.Name, l.State, took, l.Detail), " ")
}

// summary names the first layer that broke. What the name resolves to from here comes last: the
// origin is looked at by its address, and a private name may resolve elsewhere only.
func summary(layers []Layer) string {
	for _, names := range []bool{false, true} {
		for _, l := range layers {
			if l.State == LayerBroken && strings.HasPrefix(l.Subject, "name ") == names {
				return fmt.Sprintf("%s is broken at %s", l.Name, l.Subject)
			}
		}
	}
	for _, l := range layers {
		if l.State == LayerUnknown {
			return "not everything could be seen"
		}
	}
	return "everything that was looked at is well"
}
