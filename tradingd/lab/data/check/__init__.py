"""What looks wrong in stored data: holes, disorder, absurd prices, splits nobody told. It finds, and changes nothing."""
