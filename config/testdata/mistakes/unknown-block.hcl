sites "www" {
  hosts = ["www.example.org"]
}
# no site
