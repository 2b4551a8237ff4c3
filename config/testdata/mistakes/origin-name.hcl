site "www" {
  hosts  = ["www.example.org"]
  origin = ["origin.example.org"]
}
