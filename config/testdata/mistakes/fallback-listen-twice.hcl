fallback {
  ipv4  = ["198.51.100.7"]
  http  = [":8443"]
  https = [":8443"]
}
