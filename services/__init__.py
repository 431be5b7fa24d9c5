"""The services of the shop; none of them imports another."""
