controller = {}
