fallback {
  cname = "fallback.example.net"
}
