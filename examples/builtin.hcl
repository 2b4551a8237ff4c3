# failover is the name server itself. In example.net, the zone app.example.net is delegated to it:
#
#   app      3600 IN NS ns1.app
#   ns1.app  3600 IN A  198.51.100.7
#
# A switch then needs nobody else's API.

dns "builtin" "own" {
  zones       = ["app.example.net"]
  listen      = ["198.51.100.7:53"]
  nameservers = ["ns1.app.example.net"]

  records = [
    "app.example.net.     300 IN A    203.0.113.10",
    "app.example.net.     300 IN AAAA 2001:db8:1::10",
    "ns1.app.example.net. 300 IN A    198.51.100.7",
  ]
}

acme {
  email = "ops@example.net"
}

fallback {
  ipv4  = ["198.51.100.7"]
  http  = ["198.51.100.7:80"]
  https = ["198.51.100.7:443"]
}

site "app" {
  hosts  = ["app.example.net"]
  origin = ["203.0.113.10", "2001:db8:1::10"]
}
