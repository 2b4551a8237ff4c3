acme {
  eab {
    key_id = "x"
  }
}
