controller {
  admin = "localhost:9180"
}
