dns "cloudflare" "main" {
  zones = ["example.org"]
  token = environ("X")
}
