package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// mostSecret bounds what file() reads, in bytes.
const mostSecret = 1 << 20

// functions returns what expressions may call; relative paths are relative to dir.
func functions(dir string) *hcl.EvalContext {
	return &hcl.EvalContext{Functions: map[string]function.Function{
		"env":  ofText("name", env),
		"file": ofText("path", func(path string) (string, error) { return fileText(absolute(dir, path)) }),
	}}
}

func ofText(parameter string, f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: parameter, Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := f(args[0].AsString())
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(text), nil
		},
	})
}

// hinted is an error that knows what to do about it.
type hinted struct{ message, hint string }

func (h *hinted) Error() string { return h.message }

func env(name string) (string, error) {
	text, found := os.LookupEnv(name)
	if !found {
		return "", &hinted{
			fmt.Sprintf("the environment variable %s is not set", name),
			fmt.Sprintf("set %s where failover starts, or read the value with file(\"/path\")", name),
		}
	}
	return text, nil
}

// fileText returns a file's text without one final line end.
func fileText(path string) (string, error) {
	text, err := readRegular(path, mostSecret)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return "", &hinted{
			fmt.Sprintf("cannot read the file %s: %v", path, err),
			"create the file, or let the user that failover runs as read it",
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// absolute makes a path in a configuration file independent of where that file is.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
