"""The terminals' local API: what a dish answers on its own address, served and read."""
