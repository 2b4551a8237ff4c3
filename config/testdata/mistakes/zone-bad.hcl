dns "cloudflare" "main" {
  zones = ["https://example.org"]
  token = env("TEST_TOKEN")
}
