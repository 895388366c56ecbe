"""The console: what a dispatcher looks at tonight. It only reads the store; ``app.create_app`` is its way in."""
