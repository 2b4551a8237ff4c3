acme {
  directory = "http://acme.example.net/directory"
}
