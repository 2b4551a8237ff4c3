package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// text is a text and the place where it was written.
type text struct {
	value string
	at    hcl.Range
}

// value evaluates an attribute. An attribute that is null, as Terraform writes what was left out,
// is absent.
func (b body) value(name string) (cty.Value, *hcl.Attribute, bool) {
	attr, found := b.attrs[name]
	if !found {
		return cty.NilVal, nil, false
	}
	v, ok := b.evaluate(name, attr.Expr)
	return v, attr, ok
}

func (b body) evaluate(name string, expr hcl.Expression) (cty.Value, bool) {
	v, diags := expr.Value(b.ctx)
	b.translate(diags, b.title+": "+name, schema{})
	if diags.HasErrors() || v.IsNull() || !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	return v, true
}

// has tells whether the attribute was given, rightly or wrongly.
func (b body) has(name string) bool {
	attr, found := b.attrs[name]
	if !found {
		return false
	}
	v, diags := attr.Expr.Value(b.ctx)
	return diags.HasErrors() || !v.IsNull()
}

// length counts the elements of a list, without complaints; what is no list counts as one.
func (b body) length(name string) int {
	if !b.has(name) {
		return 0
	}
	v, diags := b.attrs[name].Expr.Value(b.ctx)
	if diags.HasErrors() || !v.CanIterateElements() {
		return 1
	}
	return v.LengthInt()
}

func (b body) wrongType(at hcl.Range, name, want string, v cty.Value, example string) {
	b.complain(at, fmt.Sprintf("%s = %s", name, example), "%s: %s must be %s, not %s", b.title, name, want, kindOf(v))
}

// kindOf names a value's type for people; it never says the value.
func kindOf(v cty.Value) string {
	switch t := v.Type(); {
	case t == cty.String:
		return "a text"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list"
	default:
		return "a map"
	}
}

// text reads a text.
func (b body) text(name string) (text, bool) {
	v, attr, ok := b.value(name)
	if !ok {
		return text{}, false
	}
	if v.Type() != cty.String {
		b.wrongType(attr.Expr.Range(), name, "a text", v, `"..."`)
		return text{}, false
	}
	return text{v.AsString(), attr.Expr.Range()}, true
}

func (b body) textOr(name, otherwise string) string {
	if t, ok := b.text(name); ok {
		return t.value
	}
	return otherwise
}

// choice reads one of a few words; otherwise is one of them too.
func (b body) choice(name, otherwise string, words ...string) string {
	t, ok := b.text(name)
	if !ok {
		return otherwise
	}
	words = append([]string{otherwise}, words...)
	if slices.Contains(words, t.value) {
		return t.value
	}
	b.complain(t.at, fmt.Sprintf("%s = %q", name, cmp.Or(nearest(t.value, words), otherwise)),
		"%s: %s must be one of %s, not %q", b.title, name, list(words), t.value)
	return otherwise
}

// texts reads a list of texts, each with its place; numbers says whether a number is as good as a text.
func (b body) texts(name, example string, numbers bool) []text {
	v, attr, ok := b.value(name)
	if !ok {
		return nil
	}
	at := attr.Expr.Range()
	if t := v.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		b.wrongType(at, name, "a list", v, fmt.Sprintf("[%q]", example))
		return nil
	}
	places, diags := hcl.ExprList(attr.Expr)
	var out []text
	for i, e := range v.AsValueSlice() {
		here := at
		if !diags.HasErrors() && i < len(places) {
			here = places[i].Range()
		}
		switch {
		case e.IsNull():
			b.complain(here, "take it out", "%s: %s holds a null", b.title, name)
		case e.Type() == cty.String:
			out = append(out, text{e.AsString(), here})
		case e.Type() == cty.Number && numbers:
			t, _ := convert.Convert(e, cty.String)
			out = append(out, text{t.AsString(), here})
		default:
			b.complain(here, fmt.Sprintf("%s = [%q]", name, example), "%s: %s must be a list of texts; this is %s", b.title, name, kindOf(e))
		}
	}
	return out
}

// number reads a whole number from least to most.
func (b body) number(name string, otherwise, least, most int) int {
	v, attr, ok := b.value(name)
	if !ok {
		return otherwise
	}
	n, err := convert.Convert(v, cty.Number) // env() gives texts
	if err != nil || v.Type() == cty.Bool {
		b.wrongType(attr.Expr.Range(), name, "a number", v, fmt.Sprint(otherwise))
		return otherwise
	}
	f, _ := n.AsBigFloat().Float64()
	if f != math.Trunc(f) || f < float64(least) || f > float64(most) {
		b.complain(attr.Expr.Range(), fmt.Sprintf("%s = %d", name, min(max(otherwise, least), most)),
			"%s: %s must be a whole number from %d to %d", b.title, name, least, most)
		return otherwise
	}
	return int(f)
}

// boolean reads true or false.
func (b body) boolean(name string, otherwise bool) bool {
	v, attr, ok := b.value(name)
	if !ok {
		return otherwise
	}
	t, err := convert.Convert(v, cty.Bool)
	if err != nil {
		b.wrongType(attr.Expr.Range(), name, "true or false", v, fmt.Sprint(!otherwise))
		return otherwise
	}
	return t.True()
}

// secret reads a secret; one that is written into the file is a warning.
func (b body) secret(name string) Secret {
	t, ok := b.text(name)
	if !ok {
		return Secret{}
	}
	if t.value == "" {
		b.complain(t.at, `give it a value, or take the attribute out`, "%s: %s is empty", b.title, name)
		return Secret{}
	}
	if _, diags := b.attrs[name].Expr.Value(&hcl.EvalContext{}); !diags.HasErrors() {
		b.warn(t.at, fmt.Sprintf(`%s = env("NAME") or %s = file("/run/secrets/name")`, name, name),
			"%s: %s is written into the file, where backups and repositories will keep it", b.title, name)
	}
	return NewSecret(t.value)
}

// path reads a file's path.
// paths reads a list of file names.
func (b body) paths(name, example string) []string {
	var out []string
	for _, t := range b.texts(name, example, false) {
		if t.value == "" {
			b.complain(t.at, "name a directory, as in "+quote(example), "%s: %s: an empty name", b.title, name)
			continue
		}
		out = append(out, absolute(b.dir, t.value))
	}
	return out
}

func (b body) path(name, otherwise string) string {
	t, ok := b.text(name)
	if !ok || t.value == "" {
		return otherwise
	}
	return absolute(b.dir, t.value)
}
