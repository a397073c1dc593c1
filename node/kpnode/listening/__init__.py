"""Listening: connections are accepted within limits that no stranger can use up."""
