site "www" {
  hosts  = ["www.example.org"]
  origin = ["198.51.100.7"]
}
