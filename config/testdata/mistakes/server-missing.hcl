dns "rfc2136" "main" {
  zones = ["example.org"]
  tsig {
    name   = "ddns."
    secret = env("TEST_TSIG")
  }
}
