dns "cloudflare" "main" {
  zones = ["example.org"]
  token = file("/")
}
