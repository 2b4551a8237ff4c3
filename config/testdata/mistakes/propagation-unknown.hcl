propagation {
  resolver = ["192.0.2.53:53"]
}
