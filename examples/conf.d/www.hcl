site "www" {
  hosts  = ["example.org", "www.example.org"]
  origin = ["203.0.113.10"]
}
