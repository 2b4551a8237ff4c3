# Two zones at Cloudflare. The switch and the certificates use tokens of their own: each may do
# only what it is for. Names behind Cloudflare's proxy stay behind it, with its own TTL.

controller {
  log_format = "json"

  webhook "ops" {
    url    = "https://hooks.example.net/failover"
    secret = file("/run/secrets/webhook")
  }
}

dns "cloudflare" "main" {
  zones      = ["example.org", "example.net"]
  token      = file("/run/secrets/cloudflare")
  acme_token = file("/run/secrets/cloudflare-acme")
}

acme {
  email = "ops@example.org"
}

fallback {
  ipv4 = ["198.51.100.7"]
  ipv6 = ["2001:db8::7"]
}

site "www" {
  hosts  = ["example.org", "www.example.org"]
  origin = ["203.0.113.10", "2001:db8:1::10"]
  page   = "/etc/failover/pages/www"

  check "https" "front" {
    path   = "/healthz"
    status = ["200"]
    body   = "ok"
  }
}

# A shop goes back only when somebody has looked at its orders.
site "shop" {
  hosts    = ["shop.example.net"]
  origin   = ["203.0.113.20"]
  recovery = "manual"
  priority = 10
}
