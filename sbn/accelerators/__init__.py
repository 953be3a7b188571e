"""What a training step costs on a TPU or GPU that is not there: its compiler runs on any machine, and says."""
