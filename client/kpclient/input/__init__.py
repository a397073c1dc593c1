"""What people type and write: options, files and rows, read by the Structs they become."""
