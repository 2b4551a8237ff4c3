dns "cloudflare" "main" {
  zones = ["example.org"]
  token = env("TEST_TOKEN")
  endpoint = "http://api.example.net/client/v4"
}
