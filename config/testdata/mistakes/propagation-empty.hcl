propagation {
  within = "5m"
}
