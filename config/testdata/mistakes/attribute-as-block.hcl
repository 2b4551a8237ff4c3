site "www" {
  hosts = ["www.example.org"]
  origin {
  }
}
