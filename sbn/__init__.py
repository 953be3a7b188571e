"""sbn: split BatchNorms, refined data augmentation, Consistent Normalization. README.md says how to begin."""
