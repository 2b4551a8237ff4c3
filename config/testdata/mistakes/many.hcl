site "www" {
  host   = ["www.example.org"]
  origin = ["origin.example.org"]
  dwell  = "5"
}
