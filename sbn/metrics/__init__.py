"""What a model is measured by: sums that grow on the device, batch by batch, and numbers made of them at the end."""
