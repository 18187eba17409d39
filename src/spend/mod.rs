//! What was spent of budgets.
