"""What a billing run drafts invoices with: groups of what goes on one, their terms, drafts made in bulk."""
