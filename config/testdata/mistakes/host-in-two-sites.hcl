site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
}

site "shop" {
  hosts  = ["WWW.example.org."]
  origin = ["203.0.113.11"]
}
