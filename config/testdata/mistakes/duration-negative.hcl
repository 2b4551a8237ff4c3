site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
  up_after = "-1m"
}
