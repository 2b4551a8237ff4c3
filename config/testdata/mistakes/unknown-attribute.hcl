site "www" {
  hosts = ["www.example.org"]
  orgin = ["203.0.113.10"]
}
