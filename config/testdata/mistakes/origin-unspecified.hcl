site "www" {
  hosts  = ["www.example.org"]
  origin = ["0.0.0.0"]
}
