site "www" {
  hosts  = ["www.example.com"]
  origin = ["203.0.113.10"]
}
