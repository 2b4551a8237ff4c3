fallback {
  ipv4 = []
}
