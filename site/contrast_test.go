package site

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// TestContrast checks every pair of colours that carries text against level AA (WCAG 2.2, 1.4.3).
func TestContrast(t *testing.T) {
	css, err := embedded.ReadFile("default/style.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(string(css), -1)
	if len(schemes) != 2 {
		t.Fatalf("want a light and a dark scheme, found %d", len(schemes))
	}
	for i, scheme := range schemes {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--(\w+):#([0-9a-f]{6})`).FindAllStringSubmatch(scheme[1], -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		for _, pair := range [][2]string{{"ink", "bg"}, {"soft", "bg"}, {"mark", "bg"}, {"link", "bg"}, {"ink", "tint"}} {
			light, dark := colour[pair[0]], colour[pair[1]]
			if light < dark {
				light, dark = dark, light
			}
			if ratio := (light + 0.05) / (dark + 0.05); ratio < 4.5 {
				t.Errorf("scheme %d: %s on %s has contrast %.2f, want 4.5", i, pair[0], pair[1], ratio)
			}
		}
	}
}

// luminance is the relative luminance of an sRGB colour in hexadecimal.
func luminance(t *testing.T, hex string) float64 {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}
