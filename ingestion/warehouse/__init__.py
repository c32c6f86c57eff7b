"""Warehouses: own one, write to it, publish it for readers. Knows neither doors nor log."""
