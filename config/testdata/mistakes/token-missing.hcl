dns "cloudflare" "main" {
  zones = ["example.org"]
}
