references {
  none   = true
  quorum = 1
}
