package config

import (
	"fmt"
	"log/slog"
)

const masked = "(secret)"

// Secret is a text that never prints: every formatting verb and every encoding gives "(secret)".
// It holds a pointer because fmt, which reads unexported fields of an enclosing struct without
// asking for methods, prints such a pointer as a number and does not follow it.
type Secret struct{ value *string }

// NewSecret wraps a text. The empty text gives the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{value: &text}
}

// Reveal returns the text itself. Call it only where the text is handed to its consumer.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String implements [fmt.Stringer].
func (Secret) String() string { return masked }

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// MarshalText implements [encoding.TextMarshaler]; JSON uses it too.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }
