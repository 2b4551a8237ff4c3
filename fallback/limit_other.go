//go:build !unix

package fallback

func maxDescriptors() int { return 0 }
