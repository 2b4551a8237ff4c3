acme {
  email = "mailto:ops@example.org"
}
