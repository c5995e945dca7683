"""Carries out a plan: here (`local`), job by job (`execute`), in child processes that outlive a job (`slot`)."""
