"""The service as such services begin: everything imported up front.

That is each of its own modules, Stripe's SDK, and the Supabase client with what it brings.
"""

from __future__ import annotations

import importlib
import pkgutil

import service
from tests.bench.variants import serve

if __name__ == "__main__":
    for client in ("stripe", "supabase"):
        importlib.import_module(client)
    for module in pkgutil.walk_packages(service.__path__, "service."):
        if not module.name.startswith("service.sandbox") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    serve.main()
