"""The service, with everything that it may ever need imported before it listens."""

from __future__ import annotations

import importlib
import pkgutil

import service
from tests.bench.variants import serve

if __name__ == "__main__":
    for module in pkgutil.walk_packages(service.__path__, "service."):
        if not module.name.startswith("service.sandbox") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    serve.main()
