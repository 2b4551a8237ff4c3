acme {
  dns = "elsewhere"
}
