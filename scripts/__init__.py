"""What people and CI run: set-up, reference docs, benchmarks, the torture run."""
