dns "cloudflare" "main" {
  zones = ["example.org"]
  tokn  = "cf-literal-canary"
}
