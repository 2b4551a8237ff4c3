site {
  hosts = ["www.example.org"]
}
