package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// question puts a question on standard error and returns the answer's line, trimmed. Bytes are
// read one by one, so that nothing of the next answer is taken.
func (p *program) question(text string) (string, error) {
	fmt.Fprint(p.err, text)
	line, err := bufio.NewReaderSize(oneByte{p.in}, 16).ReadString('\n')
	if err != nil && line == "" {
		return "", usage("no answer")
	}
	return strings.TrimSpace(line), nil
}

// oneByte reads one byte at a time.
type oneByte struct{ io.Reader }

func (r oneByte) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(1, len(b))]) }

// interactive tells whether questions can be asked.
func (p *program) interactive() bool { return isTerminal(p.in) }

// confirm asks whether to go on. Without a terminal it is an error not to have said --yes.
func (p *program) confirm() error {
	if !p.interactive() {
		return usage("there is no terminal to ask at; try: --yes, if you are sure")
	}
	answer, err := p.question("Go on? [y/N] ")
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return errStopped
	}
	return nil
}
