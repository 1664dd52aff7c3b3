"""What each decision passes, in order: intake, stops, sizer, reserve, breaker, gate."""
