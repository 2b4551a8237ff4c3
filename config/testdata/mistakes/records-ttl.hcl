site "www" {
  hosts   = ["www.example.org"]
  origin  = ["203.0.113.10"]
  records = ["www.example.org 1h A 203.0.113.10"]
}
