dns "builtin" "main" {
  zones       = ["example.org"]
  listen      = ["53"]
  nameservers = ["ns1.example.net"]
}
