"""What every layer may use and that knows nothing of mail: a closed list of small modules."""
