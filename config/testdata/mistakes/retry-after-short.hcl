site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
  retry_after = "0s"
}
