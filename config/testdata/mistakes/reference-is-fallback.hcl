references {
  tcp = ["198.51.100.7:443"]
}
