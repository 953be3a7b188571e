"""Data augmentation: pipeline strings with their numbers and draws, which import no framework, and the ops."""
