site "www" {
  origin = ["203.0.113.10"]
}
