site "www" {
  hosts  = ["www.example.org"]
  origin = ["::ffff:203.0.113.10"]
}
