controller {
  data_dir   = "/srv/failover"
  socket     = "/run/failover.sock"
  admin      = ":9181"
  log_level  = "debug"
  log_format = "json"
  resolvers  = ["192.0.2.54:53"]
  backup     = ["/mnt/elsewhere"]
  backup_keep = 5

  webhook "ops" {
    url    = "https://hooks.example.net/failover"
    secret = env("TEST_TOKEN")
  }
  webhook "chat" {
    url    = "http://127.0.0.1:8080/"
    secret = env("TEST_TOKEN")
  }
}

dns "cloudflare" "main" {
  zones      = ["example.org"]
  token      = file("token")
  acme_token = env("TEST_TOKEN")
  endpoint   = "https://127.0.0.1:1234/client/v4"
  ca_file    = "ca.pem"
}

dns "rfc2136" "bind" {
  zones   = ["example.net"]
  authoritative = ["192.0.2.53:53"]
  server  = "192.0.2.53"
  timeout = "3s"

  tsig {
    name      = "ddns"
    algorithm = "hmac-sha512"
    secret    = env("TEST_TSIG")
  }
}

dns "builtin" "own" {
  zones       = ["example.com"]
  listen      = ["127.0.0.1:5300"]
  nameservers = ["ns1.example.net"]
  records     = ["www 30 IN A 192.0.2.1"]
}

acme {
  directory     = "https://acme.example.net/directory"
  email         = "ops@example.org"
  trusted_roots = "/etc/failover/ca.pem"
  dns           = "bind"
  profile       = "shortlived"
  resolvers     = ["127.0.0.1:5353", "192.0.2.53"]
  renew_before  = "720h"

  eab {
    key_id = "x"
    hmac   = env("TEST_TOKEN")
  }
}

fallback {
  ipv4         = ["198.51.100.7"]
  ipv6         = ["2001:db8::7"]
  http         = ["198.51.100.7:80"]
  https        = ["198.51.100.7:443", "[2001:db8::7]:443"]
  check        = ["198.51.100.7:8443"]
  check_roots  = "/etc/failover/ca.pem"
  min_validity = "72h"
  same_network = true
}

references {
  tcp      = ["192.0.2.1:443", "[2001:db8:5::1]:443"]
  dns      = ["192.0.2.1:53"]
  quorum   = 1
  mass_failure = 70
  interval = "3s"
  timeout  = "1s"
}

propagation {
  resolvers = ["192.0.2.55:53", "[2001:db8::55]:53"]
  within    = "5m"
}

site "www" {
  hosts         = ["example.org", "*.example.org", "www.example.net"]
  origin        = ["203.0.113.10", "2001:db8:1::10"]
  down_after    = "3s"
  up_after      = "1m"
  dwell         = "10m"
  quiet         = "1h"
  armed_ttl     = "30s"
  retry_after   = "10m"
  recovery      = "manual"
  armed         = true
  on_overwrite  = "hold"
  overwrite_grace = "3m"
  down_when     = "any"
  max_failovers = 0
  priority      = -5
  page          = "/etc/failover/pages/www"
  records = [
    "example.org 300 IN A 203.0.113.10",
    "example.org 300 in aaaa 2001:0DB8:1::10",
    "*.example.org 3600 CNAME Example.org.",
    "example.org 300 HTTPS 1 . alpn=h2",
    "www.example.net. 60 A 203.0.113.10",
    "www.example.net. 60 A 203.0.113.11",
  ]

  check "https" "front" {
    host             = "www.example.org"
    port             = 8443
    path             = "/healthz?deep=1"
    method           = "POST"
    headers          = { "X-Probe" = "failover" }
    status           = ["200", "301-302"]
    body             = "^ok\\b"
    follow_redirects = true
    verify           = false
    expiry_warning   = "240h"
    interval         = "20s"
    recheck          = "2s"
    timeout          = "4s"
    slow             = "3s"
  }
  check "dns" "zone" {
    name   = "_health.example.org"
    type   = "AAAA"
    answer = "2001:DB8::10"
  }
  check "tcp" "smtp" {
    port = 25
  }
}

site "apex" {
  hosts  = ["example.com"]
  origin = ["203.0.113.11"]
}
