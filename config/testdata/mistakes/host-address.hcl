site "www" {
  hosts  = ["203.0.113.10"]
  origin = ["203.0.113.10"]
}
