site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
  check "dns" "front" {
      name   = "www.example.org"
      type   = "AAAA"
      answer = "192.0.2.1"
    }
}
