# A zone on an own BIND, changed by DNS UPDATE with a TSIG key. At the server, narrow the key to
# what it is for:
#
#   key "failover." { algorithm hmac-sha256; secret "..."; };
#   zone "example.org" {
#     type primary;
#     file "example.org.zone";
#     update-policy {
#       grant failover. name example.org A AAAA CNAME HTTPS SVCB;
#       grant failover. name www.example.org A AAAA CNAME HTTPS SVCB;
#       grant failover. subdomain _acme-challenge.example.org TXT;
#       grant failover. subdomain _acme-challenge.www.example.org TXT;
#     };
#   };

dns "rfc2136" "bind" {
  zones  = ["example.org"]
  server = "192.0.2.53:53"

  tsig {
    name      = "failover."
    algorithm = "hmac-sha256"
    secret    = env("TSIG_SECRET")
  }
}

acme {
  email = "ops@example.org"
}

fallback {
  ipv4 = ["198.51.100.7"]
  ipv6 = ["2001:db8::7"]
}

# On different networks, and none of them on the origin's.
references {
  tcp    = ["1.1.1.1:443", "9.9.9.9:443"]
  dns    = ["8.8.8.8:53"]
  quorum = 2
}

# One-second looks, three seconds of failure: the records change within five seconds.
site "www" {
  hosts      = ["example.org", "www.example.org"]
  origin     = ["203.0.113.10"]
  down_after = "3s"
  armed_ttl  = "30s"

  check "https" "front" {
    path     = "/healthz"
    interval = "1s"
  }
}
