dns "cloudflare" "main" {
  token = env("TEST_TOKEN")
}
