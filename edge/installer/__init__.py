"""The installer's local page: aim, focus, light, siting, masks. Nothing of it is needed once the gateway hangs well."""
