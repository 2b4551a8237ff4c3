dns "route53" "main" {
  zones = ["example.org"]
}
