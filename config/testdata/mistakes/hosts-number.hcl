site "www" {
  hosts  = [7]
  origin = ["203.0.113.10"]
}
