package site

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// linkTry is what to do about a link of another kind. A relative link would lead back to this
// very page, since the fallback answers every path with it.
const linkTry = "an address that begins with https://, http://, mailto: or tel:"

// isLink tells whether a page may link to the address.
func isLink(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != "" && u.User == nil
	case "mailto":
		return isMail(u.Opaque) && u.RawQuery == ""
	case "tel":
		return isTel(u.Opaque)
	}
	return false
}

// isTel tells whether the text is a telephone number as people write it.
func isTel(text string) bool {
	return regexp.MustCompile(`^\+?[0-9][0-9 ().-]{1,30}$`).MatchString(text)
}

// telURL returns the number as RFC 3966 wants it, visual separators dropped.
func telURL(number string) string {
	return "tel:" + strings.Map(func(c rune) rune {
		if c == '+' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, number)
}

// isMail tells whether the text is one bare address. The host's placeholder may stand in it.
func isMail(text string) bool {
	text = strings.ReplaceAll(text, hostMark, "example.org")
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text && !strings.ContainsAny(text, ` "<>?&%`)
}
