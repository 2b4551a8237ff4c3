site "www" {
  hosts  = []
  origin = ["203.0.113.10"]
}
