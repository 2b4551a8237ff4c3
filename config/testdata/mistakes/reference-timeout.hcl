references {
  timeout = "10s"
}
