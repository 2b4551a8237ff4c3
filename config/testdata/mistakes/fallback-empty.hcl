fallback {
}
