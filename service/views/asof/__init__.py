"""Questions as of (D, K): the types once, and two engines that answer them, as recorded and as published."""
