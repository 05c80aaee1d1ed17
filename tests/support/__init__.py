"""What the tests stand on: real servers, containers and runs of the collection. Nothing here is a test."""
