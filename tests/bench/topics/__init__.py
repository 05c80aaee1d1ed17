"""What is measured, one file a topic: each has `measure(bench)`, which gives cases."""
