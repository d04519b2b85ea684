"""What `doctor` checks, one file an area. Each yields Checks, changes nothing, and says how to mend what is wrong."""
