"""The common ground: what every room of the house may use, and nothing that knows a room."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("smoke-sentry")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
