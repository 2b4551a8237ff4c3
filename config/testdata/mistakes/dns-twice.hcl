dns "cloudflare" "main" {
  zones = ["example.org"]
  token = env("TEST_TOKEN")
}

dns "cloudflare" "main" {
  zones = ["example.net"]
  token = env("TEST_TOKEN")
}
