references {
  tcp = []
}
