"""What a request says of itself: its headers, its id, its trace, its way through proxies."""
