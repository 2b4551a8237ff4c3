site "www" {
  hosts   = ["www.example.org"]
  origin  = ["203.0.113.10"]
  records = ["www.example.org 300 HTTPS 1 . alpn=h2"]
}
