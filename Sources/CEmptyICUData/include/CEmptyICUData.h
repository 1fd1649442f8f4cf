// Empty: this target is linked but never called. See data.c.
