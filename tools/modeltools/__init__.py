"""What scripts/setup.sh needs to turn the models that npm packages ship into the ones that runbatch loads."""


class ModelError(Exception):
    """A model that cannot be read or converted; the text says which and why."""
