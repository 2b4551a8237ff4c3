site "www" {
  hosts = ["www.example.org"]
}
