"""Calls sent by ``httpx`` from an event loop; only ``client`` loads without it."""
