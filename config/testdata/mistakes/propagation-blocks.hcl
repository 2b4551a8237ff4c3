propagation {
  resolvers = ["192.0.2.53:53"]
}
propagation {
  resolvers = ["192.0.2.54:53"]
}
