"""What has states in version 1, as tables: certificates, cases, proceedings."""
