acme {
  dns = "mian"
}
