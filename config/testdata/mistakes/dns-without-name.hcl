dns "cloudflare" {
  zones = ["example.org"]
}
