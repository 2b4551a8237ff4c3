references {
  tcp    = ["192.0.2.1:443", "192.0.2.2:443"]
  quorum = 3
}
