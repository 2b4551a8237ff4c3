site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
  check "tcp" "front" {
      port = 25
      path = "/"
    }
}
