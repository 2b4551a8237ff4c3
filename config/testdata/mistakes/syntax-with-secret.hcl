dns "cloudflare" "main" {
  zones = ["example.org"]
  token = "cf-literal-canary
}
