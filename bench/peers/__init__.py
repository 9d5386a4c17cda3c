"""What bench/flow.py measures beside ours."""
