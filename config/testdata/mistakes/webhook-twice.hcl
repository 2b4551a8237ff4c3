controller {
  webhook "ops" {
    url    = "https://hooks.example.net/a"
    secret = env("TEST_TOKEN")
  }
  webhook "ops" {
    url    = "https://hooks.example.net/b"
    secret = env("TEST_TOKEN")
  }
}
