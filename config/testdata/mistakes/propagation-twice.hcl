propagation {
  resolvers = ["192.0.2.53:53", "192.0.2.53:53"]
}
