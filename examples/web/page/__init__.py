"""A page for a fleet: files are dropped on it, go straight to the bucket, and are seen to wait, to be worked on and done."""
