site "www" {
  hosts  = ["*.example.org"]
  origin = ["203.0.113.10"]
}
