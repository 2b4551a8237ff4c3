controller {
  admin = 9180
}
