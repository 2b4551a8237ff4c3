dns "cloudflare" "main" {
  zones = ["example.org"]
  token = env("TEST_TOKEN")
}

dns "cloudflare" "other" {
  zones = ["example.org"]
  token = env("TEST_TOKEN")
}
