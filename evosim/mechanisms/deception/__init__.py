"""Deception: conduct while watched and unwatched, with the sense of the watcher and without it."""
