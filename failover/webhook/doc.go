// Package webhook tells other systems what happens, as signed JSON over HTTP POST. A [Hook]
// delivers its events in order, retries what can succeed later, and never makes the sender wait.
// Receivers written in Go check a message with [Verify].
package webhook
