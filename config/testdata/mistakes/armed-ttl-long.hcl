site "www" {
  hosts  = ["www.example.org"]
  origin = ["203.0.113.10"]
  armed_ttl = "2h"
}
