"""The page: the ledger in a browser, on both clocks. It gets everything that it shows from the API, in process."""
