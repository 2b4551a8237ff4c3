controller {
  webhook "ops" {
  }
}
