acme {
  email = "ops@example.org"
}

acme {
  email = "ops@example.org"
}
