dns "cloudflare" "main" {
  zones = ["example.org"]
  token = env("TEST_NOT_SET")
}
