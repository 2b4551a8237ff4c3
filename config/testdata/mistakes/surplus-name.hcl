controller "main" {
}
