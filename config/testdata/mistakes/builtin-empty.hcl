dns "builtin" "main" {
  zones = ["example.org"]
}
