site "www" {
  hosts   = ["www.example.org"]
  origin  = ["203.0.113.10"]
  records = ["www.example.org 300 MX 10 mail.example.org"]
}
