references {
  quorum = 0
}
