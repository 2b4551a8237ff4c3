fallback {
  ipv4 = ["198.51.100.7"]
  http = ["80"]
}
