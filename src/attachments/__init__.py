"""What is kept of an attachment: name, type, size, hash, text, outcome. Never the bytes."""
