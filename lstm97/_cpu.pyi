"""Types of the compiled module, which only wheels with several instruction sets have."""

SUPPORTED: list[str]
