fallback {
  ipv4 = ["2001:db8::7"]
}
