propagation {
  resolvers = ["192.0.2.53:53"]
  within    = "1s"
}
