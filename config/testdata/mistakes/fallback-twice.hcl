fallback {
  ipv4 = ["198.51.100.7"]
}

fallback {
  ipv4 = ["198.51.100.8"]
}
