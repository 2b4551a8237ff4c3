references {
  tcp    = ["203.0.113.10:443"]
  quorum = 1
}

site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
}
