controller {
  webhook "ops" {
    url    = "hooks.example.net"
    secret = env("TEST_TOKEN")
  }
}
