dns "rfc2136" "main" {
  zones  = ["example.org"]
  server = "192.0.2.53:53"
}
