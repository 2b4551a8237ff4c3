propagation {
  resolvers = ["resolver.example.net:53"]
}
