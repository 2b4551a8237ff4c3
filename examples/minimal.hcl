# The least that works: one zone at Cloudflare, one site, defaults for all the rest.

dns "cloudflare" "main" {
  zones = ["example.org"]
  token = env("CLOUDFLARE_API_TOKEN")
}

acme {
  email = "ops@example.org"
}

fallback {
  ipv4 = ["198.51.100.7"]
}

site "www" {
  hosts  = ["example.org", "www.example.org"]
  origin = ["203.0.113.10"]
}
