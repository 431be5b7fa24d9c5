"""What connects poolhouse to other frameworks; each part needs an extra of its own."""
