site "www" {
  hosts   = ["www.example.org"]
  origin  = ["203.0.113.10"]
  records = ["www.example.org 300 A 203.0.113.10", "www.example.org 60 A 203.0.113.11"]
}
