controller {
  log_level = "verbose"
}
