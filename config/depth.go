package config

import "fmt"

// mostDeep is more than anybody nests, and far less than what the recursive parsers of hcl survive:
// a Go program whose stack is exhausted ends, and cannot be saved.
const mostDeep = 10_000

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
		if max(depth, signs, questions) > mostDeep {
			return fmt.Errorf("nested more than %d deep", mostDeep)
		}
	}
	return nil
}
