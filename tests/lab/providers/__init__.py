"""Providers' APIs as far as an address is moved by them: the documented answers, errors, locks, limits and half-done tasks."""
