# What exists once. Each site has a file of its own beside this one.

controller {
  data_dir = "/var/lib/failover"
}

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
