site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
}

site "www" {
  hosts  = ["example.org"]
  origin = ["203.0.113.10"]
}
