package config

import "errors"

// Limits that are more than anybody needs, and far less than what the recursive parsers of hcl
// survive: a Go program whose stack is exhausted ends, and cannot be saved.
const (
	mostDeep       = 1_000
	mostConditions = 50_000 // in one line, which may be the JSON form of thousands of sites
)

// tooDeep returns an error for a text whose brackets, signs or conditions nest absurdly deep. It
// counts without regard to quotes, which can only err on the side of caution.
func tooDeep(text []byte) error {
	depth, signs, questions := 0, 0, 0
	for _, c := range text {
		switch c {
		case '(', '[', '{':
			depth, signs = depth+1, 0
		case ')', ']', '}':
			depth, signs = max(0, depth-1), 0
		case '-', '!':
			signs++
		case '\n':
			questions = 0
		case '?':
			questions, signs = questions+1, 0
		case ' ', '\t', '\r':
		default:
			signs = 0
		}
		if max(depth, signs) > mostDeep || questions > mostConditions {
			return errors.New("nested absurdly deep")
		}
	}
	return nil
}
