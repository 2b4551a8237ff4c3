fallback {
  cname = "www.example.org"
  check = ["198.51.100.7:443"]
}

site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
}
