"""Settings and the configuration files of the tools that watch the pipeline."""
