site "www" {
  hosts  = [null]
  origin = ["203.0.113.10"]
}
