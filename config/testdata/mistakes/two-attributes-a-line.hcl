site "www" { hosts = ["www.example.org"]  origin = ["203.0.113.10"] }
