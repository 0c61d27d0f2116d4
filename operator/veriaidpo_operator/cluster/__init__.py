"""The only ways to the API server and to the pods: observe and apply."""
