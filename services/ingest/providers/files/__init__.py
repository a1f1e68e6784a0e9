"""Import of price files: which form a file has, what its rows say, and which of them cannot be true."""
