"""The pages for users, and what makes and checks them."""
