references {
  tcp = ["example.net:443"]
}
